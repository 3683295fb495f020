"""Devices arrive with factory credentials and leave knowing where to register.

Consumes: nothing
Publishes: device.bootstrapping, device.bootstrapped, bootstrap.failed
Stores: bootstraps under way and their outboxes in Redis
"""
