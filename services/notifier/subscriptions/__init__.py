"""Subscriptions and presubscriptions: of what devices are to notify."""
