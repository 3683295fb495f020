"""Registrations in, device requests out.

Consumes: nothing
Publishes: device.registered, registration.updated, device.deregistered,
    registration.refused, queue.cleared
Stores: registration sessions and their outboxes in Redis
"""
