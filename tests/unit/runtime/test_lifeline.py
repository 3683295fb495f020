"""What a process tells its parent arrives; anything else is told apart."""

import pytest

from homeport.errors import InvalidFormat
from homeport.runtime import lifeline
from homeport.runtime.lifeline import Announcement, Refusal


@pytest.mark.parametrize(
    "word",
    [
        Announcement("http://127.0.0.1:9", {"coap": "coap://127.0.0.1:5683"}),
        Announcement("http://127.0.0.1:9"),
        Refusal("HOMEPORT_BUCKETS is wrong"),
    ],
)
def test_a_word_arrives_as_it_was_said(word: Announcement | Refusal) -> None:
    line = lifeline.build(word)
    assert line.endswith(b"\n")
    assert lifeline.parse(line) == word


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b'{"ready": 1}', b'{"ready": {"other": 1}}', b'{"x": {}}'],
)
def test_other_lines_are_refused(line: bytes) -> None:
    with pytest.raises(InvalidFormat):
        lifeline.parse(line)
