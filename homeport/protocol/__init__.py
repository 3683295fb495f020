"""LwM2M without input or output: formats, paths, parameters and state machines."""
