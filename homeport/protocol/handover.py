"""What bootstrap hands to a device: where to register, and how to be secure there.

It becomes the resources of a Security object (LwM2M 1.1 §E.1) in the order that devices
want: resource 1 before 3, 4 and 5 (BS-15), and none that they do not know (BS-21).
"""

from dataclasses import dataclass, field
from enum import IntEnum

from homeport.names import DeviceId
from homeport.protocol.tlv import Resource

SERVER_ACCOUNT = 1
"""The short server id that ties Security and Server instance together (B-192)."""
LARGEST = 1024
"""Bytes of anything that is handed over (B-068)."""

_NOT_BOOTSTRAP = b"\x00"


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


def security_resources(handover: Handover) -> tuple[Resource, ...]:
    """Return what a Security instance consists of."""
    match handover.security:
        case NoSec():
            mode, values = Mode.NOSEC, (b"", b"", b"")
        case SharedKey(identity, key):
            mode, values = Mode.SHARED_KEY, (identity, b"", key)
        case Certificate(certificate, server, key):
            mode, values = Mode.CERTIFICATE, (certificate, server, key)
        case Enrollment(server=server):
            mode, values = Mode.ENROLLMENT, (b"", server, b"")
    return (
        Resource(0, handover.uri.encode()),
        Resource(1, _NOT_BOOTSTRAP),
        Resource(2, bytes([mode])),
        *(Resource(number, value) for number, value in enumerate(values, start=3)),
        Resource(10, bytes([SERVER_ACCOUNT])),
        *_usage(handover.security),
    )


def server_resources(handover: Handover) -> tuple[Resource, ...]:
    """Return what a Server instance consists of."""
    return (
        Resource(0, bytes([SERVER_ACCOUNT])),
        Resource(1, handover.lifetime.to_bytes(4, "big")),
        Resource(6, b"\x00"),
        Resource(7, b"U"),
    )


def _usage(security: Security) -> tuple[Resource, ...]:
    if isinstance(security, Certificate) and security.usage is not None:
        return (Resource(15, bytes([security.usage])),)
    return ()
