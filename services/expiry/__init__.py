"""Registrations whose lifetime has passed, and outboxes that no living edge holds.

Consumes: device.registered
Publishes: registration.expired, request.completed, queue.cleared
Stores: nothing of its own; ends sessions and releases leases in Redis
"""
