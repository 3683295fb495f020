"""Users of NATS: applications that read from it themselves."""
