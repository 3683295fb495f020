"""Devices arrive with factory credentials and leave with others, and an address.

Consumes: nothing
Publishes: device.bootstrapping, device.bootstrapped, bootstrap.failed
Stores: bootstraps under way and their outboxes in Redis, new devices in the trust view
"""
