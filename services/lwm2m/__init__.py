"""Registrations in, device requests out.

Consumes: nothing
Publishes: device.registered, registration.updated, device.deregistered,
    registration.refused, request.completed, resource.notified, queue.cleared
Stores: registration sessions, what devices are asked and what they said, and their
    outboxes, all in Redis
"""
