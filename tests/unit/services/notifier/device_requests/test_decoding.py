"""What a payload says is shown as JSON, or not at all."""

import pytest

from homeport.protocol.objects.core import CORE
from services.notifier.device_requests.decoding import decode

TLV, OPAQUE, UNKNOWN = 11_542, 42, 65_000


@pytest.mark.parametrize(
    ("path", "payload", "content_format", "values"),
    [
        ("/3/0/9", b"80", None, {"/3/0/9": 80}),
        ("/3/0/9", b"80", 0, {"/3/0/9": 80}),
        ("/3/0/9", b"x", 0, None),
        ("/3/0", bytes.fromhex("c1 09 50"), TLV, {"/3/0/9": 80}),
        ("/3/0", b"\xff", TLV, None),
        ("/33000/0/1", b"80", 0, {"/33000/0/1": "80"}),
        ("/3/0/9", b"80", UNKNOWN, None),
        ("3", b"80", 0, None),
    ],
    ids=[
        *("no format", "text", "no number", "TLV", "cut off"),
        *("unknown object", "unknown format", "no path"),
    ],
)
def test_a_payload_is_what_its_object_says(
    path: str, payload: bytes, content_format: int | None, values: object
) -> None:
    assert decode(path, payload, content_format, CORE) == values
