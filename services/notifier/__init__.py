"""Tells the application, and takes its device requests.

Consumes: device.registered, registration.updated, device.deregistered,
    registration.expired
Publishes: nothing
Stores: tables notifier.channels and notifier.removals in PostgreSQL; a durable NATS
    consumer of each channel
"""
