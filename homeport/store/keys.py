"""Every Redis key, spelled once.

A key that belongs to a device carries its bucket as hash tag, ``{b17}``, so that on a
Redis Cluster all keys of a bucket lie in one slot and one script may touch them. The
script's own spelling of the bucket's keys is held equal to this module by a test.
"""

from homeport.identity import Service
from homeport.names import AccountId, DeviceId, EdgeId

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
    """List: the ids of the device requests that wait, the first one first."""
    return f"{tag(bucket)}:queue:{device}"


def requests(bucket: int, device: DeviceId) -> str:
    """Hash: the device requests that wait, by their ids."""
    return f"{tag(bucket)}:requests:{device}"


def deadlines(bucket: int) -> str:
    """Sorted set: device and request by when it expires, in milliseconds."""
    return f"{tag(bucket)}:deadlines"


def tokens(bucket: int, device: DeviceId) -> str:
    """Hash: what is observed, by the tokens that notifications come with."""
    return f"{tag(bucket)}:tokens:{device}"


def values(bucket: int, device: DeviceId) -> str:
    """Hash: the last known values of a device's resources, by their paths."""
    return f"{tag(bucket)}:values:{device}"


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


def owner(bucket: int, device: DeviceId) -> str:
    """Text: the identity that an endpoint name belongs to (B-096)."""
    return f"{tag(bucket)}:owner:{device}"


def suspended(bucket: int, device: DeviceId) -> str:
    """Text: there while a device must not register (B-166)."""
    return f"{tag(bucket)}:suspended:{device}"


def suspensions() -> str:
    """Pattern: the marks of all devices that must not register."""
    return "{b*}:suspended:*"


def suspended_device(key: str) -> DeviceId:
    """Return the device that a mark is of."""
    return DeviceId(key.rpartition(":")[2])


def refused(bucket: int, device: DeviceId, fact: str) -> str:
    """Text: there for as long as a refusal is not told again (B-067)."""
    return f"{tag(bucket)}:refused:{device}:{fact}"


def edges() -> str:
    """Sorted set: living edges by the time of their last heartbeat."""
    return f"{EDGES}:alive"


def heartbeat() -> str:
    """Hash: the last heartbeat of any edge, and the end of the last outage."""
    return f"{EDGES}:heartbeat"


def association(service: Service, place: str) -> str:
    """Hash: a DTLS association, by what its records are told by."""
    return f"assoc:{service}:{{{place}}}"


def association_place(key: str) -> str:
    """Return the place of the association that a key is of."""
    return key.partition("{")[2].removesuffix("}")


def resumption(service: Service, session_digest: str) -> str:
    """Text: a TLS session and whose it is, sealed; by the SHA-256 of its id in hex."""
    return f"tls:{service}:{session_digest}"


def cookie_secrets() -> str:
    """Hash: the secrets that all edges make DTLS cookies with, sealed."""
    return "cookie"


def trust(name: str) -> str:
    """Text: an entry of the trust view by its name (`homeport.store.entries`)."""
    return f"trust:{name}"


def trusted_certificates(subject_digest: str) -> str:
    """Hash: the trusted certificates of one subject, by the SHA-256 of its DER."""
    return f"trust:ca-subject:{subject_digest}"


def bootstrap_selectors(account: AccountId) -> str:
    """Hash: which bootstrap configuration is for which devices, by its id."""
    return f"trust:bootstrap-selectors:{account}"


def object_definitions(account: AccountId) -> str:
    """Hash: the object definitions of an account, by object and version.

    The empty field is another text whenever any of them has changed.
    """
    return f"trust:object-definitions:{account}"


def group(account: AccountId, identity: str) -> str:
    """Set: the devices of a group."""
    return f"trust:group:{account}:{identity}"


def told(edge: EdgeId) -> str:
    """Channel: the places of associations that other edges have taken over."""
    return f"{EDGES}:told:{edge}"


def trust_changes() -> str:
    """Channel: lists of names of entries that have changed, as JSON."""
    return "trust:changes"


def api_key(digest: str) -> str:
    """Text: what an API key (by its SHA-256 in hex) may do, as JSON."""
    return f"trust:api-key:{digest}"


def api_keys_used() -> str:
    """Hash: when API keys were last used, in milliseconds since 1970, by their ids."""
    return "trust:api-keys-used"


def trust_fingerprint() -> str:
    """Text: what the trust view is; lost together with it."""
    return "trust:fingerprint"


def trust_generation() -> str:
    """Text: another one whenever entries have changed; set back together with them."""
    return "trust:generation"
