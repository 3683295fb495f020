"""Devices: what is known of them, who keeps them out, and how they are grouped."""
