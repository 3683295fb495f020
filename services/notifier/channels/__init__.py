"""Notification channels: an API key's notifications, brought to its application."""
