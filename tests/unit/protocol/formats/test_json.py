"""JSON is parsed strictly, and says where it breaks."""

import pytest

from homeport.errors import InvalidFormat
from homeport.protocol.formats import json


def test_a_document_is_parsed() -> None:
    assert json.parse(b'{"e": [1, 1.5, "x", null, true]}', "JSON") == {
        "e": [1, 1.5, "x", None, True]
    }


@pytest.mark.parametrize(
    ("payload", "position"),
    [
        (b"", 0),
        (b"[1,]", 2),
        (b"[1] 2", 4),
        (b"[NaN]", 1),
        (b"[1e999]", 1),
        (b'["\\ud800"]', 2),
        (b"\xff", 0),
        (b"[" * 5000, 1025),
    ],
)
def test_what_breaks_says_where(payload: bytes, position: int) -> None:
    with pytest.raises(InvalidFormat) as raised:
        json.parse(payload, "JSON")
    assert str(raised.value).startswith("JSON: is no JSON")
    assert raised.value.position == position
