"""The stream of facts: places in it, how far readers have come, what they lost."""
