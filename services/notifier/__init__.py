"""Tells the application, and takes its device requests.

Consumes: device.bootstrapped, device.registered, registration.updated,
    device.deregistered, registration.expired, request.completed
Publishes: request.completed
Stores: tables notifier.channels, removals, endpoints, open_requests, subscriptions and
    presubscriptions in PostgreSQL; a durable NATS consumer of each channel, which takes
    resource.notified, too
"""
