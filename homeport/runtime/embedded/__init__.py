"""PostgreSQL, Valkey and NATS as child processes on loopback, from PyPI wheels."""

from homeport.runtime.embedded.servers import EmbeddedServers

__all__ = ["EmbeddedServers"]
