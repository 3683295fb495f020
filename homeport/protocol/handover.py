"""What bootstrap hands to a device: where to register, and how to be secure there.

It becomes the resources of a Security and of a Server object (LwM2M 1.1 §E.1, §E.2) in
the order that devices want: resource 1 before 3, 4 and 5 (BS-15), and none that they do
not know (BS-21).
"""

from dataclasses import dataclass, field
from enum import IntEnum

from homeport.names import DeviceId
from homeport.protocol.formats.records import Value
from homeport.protocol.paths import Path
from homeport.protocol.resources import Resources

SERVER_ACCOUNT = 1
"""The short server id that ties Security and Server instance together (B-192)."""
ISSUED = (3, 4, 5)
"""The resources of a Security object that hold what is made at each bootstrap."""
LARGEST = 1024
"""Bytes of anything that is handed over (B-068)."""


class Mode(IntEnum):
    """Security modes, as resource 2 has them."""

    SHARED_KEY = 0
    CERTIFICATE = 2
    NOSEC = 3
    ENROLLMENT = 4


class Usage(IntEnum):
    """What resource 4 is good for, as resource 15 has it (RFC 6698 §2.1.1)."""

    TRUST_ANCHOR = 2


@dataclass(frozen=True, slots=True)
class NoSec:
    """No security at all."""


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A PSK identity and its key."""

    identity: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of the device's own, in DER, and its key, as PKCS#8 (B-069).

    ``server`` is what the LwM2M server is verified by: its own certificate or its CA's.
    A client is told which by ``usage`` if it knows that resource; others take it for
    the one that their kind takes it for.
    """

    certificate: bytes
    server: bytes
    key: bytes = field(repr=False)
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Enrollment:
    """The device makes its own key, and asks for a certificate under this id (EST-1).

    ``server`` is the certificate of the LwM2M server's CA.
    """

    device: DeviceId
    server: bytes


Security = NoSec | SharedKey | Certificate | Enrollment


@dataclass(frozen=True, slots=True)
class Handover:
    """Where to register, for how long, and with what (B-019)."""

    uri: str
    lifetime: int
    security: Security
    server_account: int = SERVER_ACCOUNT


def security_resources(handover: Handover) -> Resources:
    """Return what a Security instance consists of."""
    match handover.security:
        case NoSec():
            mode, credential = Mode.NOSEC, (b"", b"", b"")
        case SharedKey(identity, key):
            mode, credential = Mode.SHARED_KEY, (identity, b"", key)
        case Certificate(certificate, server, key):
            mode, credential = Mode.CERTIFICATE, (certificate, server, key)
        case Enrollment(server=server):
            mode, credential = Mode.ENROLLMENT, (b"", server, b"")
    found: dict[int, Value] = {0: handover.uri, 1: False, 2: int(mode)}
    found |= zip(ISSUED, credential, strict=True)
    found[10] = handover.server_account
    if isinstance(handover.security, Certificate) and handover.security.usage:
        found[15] = int(handover.security.usage)
    return _whole(found)


def server_resources(handover: Handover) -> Resources:
    """Return what a Server instance consists of."""
    return _whole({0: handover.server_account, 1: handover.lifetime, 6: False, 7: "U"})


def _whole(resources: dict[int, Value]) -> Resources:
    return {Path((number,)): value for number, value in resources.items()}
