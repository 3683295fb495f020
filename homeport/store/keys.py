"""Every Redis key, spelled once.

A key that belongs to a device carries its bucket as hash tag, ``{b17}``, so that on a
Redis Cluster all keys of a bucket lie in one slot and one script may touch them. The
script's own spelling of the bucket's keys is held equal to this module by a test.
"""

from homeport.names import DeviceId

EDGES = "{edges}"
"""The hash tag of what the edges know of each other."""


def tag(bucket: int) -> str:
    """Return the hash tag of a bucket."""
    return f"{{b{bucket}}}"


def session(bucket: int, device: DeviceId) -> str:
    """Hash: the registration session of a device."""
    return f"{tag(bucket)}:session:{device}"


def description(bucket: int, device: DeviceId) -> str:
    """Text: what the events of a registration say of it, as members of JSON."""
    return f"{tag(bucket)}:description:{device}"


def queue(bucket: int, device: DeviceId) -> str:
    """List: the device requests that wait."""
    return f"{tag(bucket)}:queue:{device}"


def expiry(bucket: int) -> str:
    """Sorted set: device by expiry time in milliseconds."""
    return f"{tag(bucket)}:expiry"


def outbox(bucket: int) -> str:
    """Stream: events that the bus has not acknowledged."""
    return f"{tag(bucket)}:outbox"


def replaced(bucket: int) -> str:
    """Counter: refreshes that gave way to newer ones while the bus was away."""
    return f"{tag(bucket)}:replaced"


def clock(bucket: int) -> str:
    """Counter: the newest revision of the bucket."""
    return f"{tag(bucket)}:clock"


def lease(bucket: int) -> str:
    """Text: the edge that publishes the bucket's outbox."""
    return f"{tag(bucket)}:lease"


def bootstrap(bucket: int, device: DeviceId) -> str:
    """Hash: a bootstrap under way."""
    return f"{tag(bucket)}:bootstrap:{device}"


def edges() -> str:
    """Sorted set: living edges by the time of their last heartbeat."""
    return f"{EDGES}:alive"


def heartbeat() -> str:
    """Hash: the last heartbeat of any edge, and the end of the last outage."""
    return f"{EDGES}:heartbeat"


def api_key(digest: str) -> str:
    """Text: what an API key (by its SHA-256 in hex) may do, as JSON."""
    return f"trust:api-key:{digest}"


def trust_fingerprint() -> str:
    """Text: what the trust view is; lost together with it."""
    return "trust:fingerprint"
