"""Homeport brings LwM2M devices home."""

from importlib.metadata import version

__version__ = version("homeport")
