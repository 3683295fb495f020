"""What is handed over becomes resources that every client takes."""

from typing import Any

import pytest

from homeport.names import DeviceId
from homeport.protocol import handover
from homeport.protocol import resources as resources_
from homeport.protocol.formats import tlv
from homeport.protocol.formats.records import Value
from homeport.protocol.handover import (
    Certificate,
    Enrollment,
    Handover,
    NoSec,
    Security,
    SharedKey,
    Usage,
)
from homeport.protocol.paths import Path
from homeport.protocol.resources import Now

URI = "coaps://[2001:db8::1]:5684"
DEVICE = DeviceId("0199999999990000000000010010aaaa")


def resources(security: Security, **changes: Any) -> dict[int, Value | Now]:
    made = handover.security_resources(Handover(URI, 300, security, **changes))
    return {number: value for (number,), value in made.items()}


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
        0: URI,
        1: False,
        2: mode,
        **dict(enumerate(credential, start=3)),
        10: 1,
    }


def test_the_slot_is_chosen_before_anything_is_put_into_it() -> None:
    assert list(resources(SharedKey(b"i", b"k"))) == [0, 1, 2, 3, 4, 5, 10]


def test_what_a_server_is_verified_by_may_be_said() -> None:
    assert resources(Certificate(b"own", b"ca", b"key", Usage.TRUST_ANCHOR))[15] == 2


def test_a_server_instance_belongs_to_its_security_instance() -> None:
    given = Handover(URI, 300, NoSec(), server_account=7)
    assert resources(NoSec(), server_account=7)[10] == 7
    made = resources_.records(handover.server_resources(given), Path((1, 0)))
    assert tlv.encode(made, Path((1, 0))) == bytes.fromhex(
        "c10007 c201012c c10600 c10755"
    )


@pytest.mark.parametrize(
    "security", [SharedKey(b"identity", b"secret"), Certificate(b"", b"", b"secret")]
)
def test_a_secret_is_not_shown(security: Security) -> None:
    assert "secret" not in repr(Handover(URI, 300, security))
