"""What is handed over becomes resources that every client takes."""

import pytest

from homeport.names import DeviceId
from homeport.protocol import handover, tlv
from homeport.protocol.handover import (
    Certificate,
    Enrollment,
    Handover,
    NoSec,
    Security,
    SharedKey,
    Usage,
)
from homeport.protocol.tlv import Resource

URI = "coaps://[2001:db8::1]:5684"
DEVICE = DeviceId("0199999999990000000000010010aaaa")


def resources(security: Security) -> dict[int, bytes]:
    made = handover.security_resources(Handover(URI, 300, security))
    return {resource.id: resource.value for resource in made}


@pytest.mark.parametrize(
    ("security", "mode", "credential"),
    [
        (NoSec(), 3, (b"", b"", b"")),
        (SharedKey(b"identity", b"key"), 0, (b"identity", b"", b"key")),
        (Certificate(b"own", b"server", b"key"), 2, (b"own", b"server", b"key")),
        (Enrollment(DEVICE, b"server"), 4, (b"", b"server", b"")),
    ],
)
def test_each_security_has_its_mode_and_its_credential(
    security: Security, mode: int, credential: tuple[bytes, ...]
) -> None:
    assert resources(security) == {
        0: URI.encode(),
        1: b"\x00",
        2: bytes([mode]),
        **dict(enumerate(credential, start=3)),
        10: b"\x01",
    }


def test_the_slot_is_chosen_before_anything_is_put_into_it() -> None:
    made = handover.security_resources(Handover(URI, 300, SharedKey(b"i", b"k")))
    assert [resource.id for resource in made] == [0, 1, 2, 3, 4, 5, 10]


def test_what_a_server_is_verified_by_may_be_said() -> None:
    certificate = Certificate(b"own", b"ca", b"key", Usage.TRUST_ANCHOR)
    assert resources(certificate)[15] == b"\x02"


def test_a_server_instance_belongs_to_its_security_instance() -> None:
    made = handover.server_resources(Handover(URI, 300, NoSec()))
    assert made[0] == Resource(0, b"\x01")
    assert tlv.encode(made) == bytes.fromhex("c10001 c4010000012c c10600 c10755")


@pytest.mark.parametrize(
    "security", [SharedKey(b"identity", b"secret"), Certificate(b"", b"", b"secret")]
)
def test_a_secret_is_not_shown(security: Security) -> None:
    assert "secret" not in repr(Handover(URI, 300, security))
