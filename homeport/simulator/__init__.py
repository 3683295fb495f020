"""A fleet of devices in one process: it bootstraps, registers, updates and leaves.

Made for trying out a platform, for tests, and for load. Each device has an address of
its own, speaks CoAP over UDP or DTLS, and does what real devices do: it repeats itself,
comes back when it is forgotten, sleeps, moves to another port, and sometimes vanishes
without a word.
"""
