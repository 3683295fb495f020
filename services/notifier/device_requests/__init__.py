"""Device requests: what callers ask of devices, and what comes of it."""
