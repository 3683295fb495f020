"""The facts of a device's life, and the only place that spells their wire names."""
