"""Tells the application, and takes its device requests.

Consumes: device.bootstrapped, device.registered, registration.updated,
    device.deregistered, registration.expired, request.completed
Publishes: request.completed
Stores: tables notifier.channels, removals, endpoints, open_requests, subscriptions,
    presubscriptions, cursors, consumers and nats_users in PostgreSQL; in NATS consumers
    of channels that something happens to, of readers of named consumers and of users of
    NATS that consume, which take resource.notified, too
"""
