"""What every process needs: configuration, logs, metrics, probes, servers."""
