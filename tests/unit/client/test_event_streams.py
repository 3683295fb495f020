"""Server-Sent Events, however the bytes of a stream are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.client import InvalidAnswer, event_streams
from homeport.client.event_streams import Event, Events

STREAM = (
    b"retry: 1000\n\n"
    b': a comment\nid: 1\ndata: {"fact":\ndata: "one"}\n\n'
    b"id: 2\n\n"
    b'id: 3\r\ndata:{"de-registrations":["d"]}\r\n\r\n'
    b"event: other\nid: 4\nno field\n\n"
    b'id: 5\ndata: {"fact": "two"}\n'
)
FIRST, SECOND = (
    Event("1", b'{"fact":\n"one"}'),
    Event("3", b'{"de-registrations":["d"]}'),
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=20).map(sorted))
def test_events_are_made_of_any_pieces(cuts: list[int]) -> None:
    events, found = Events(), []
    for begin, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        found += events.feed(STREAM[begin:end])
    assert found == [FIRST, SECOND]
    assert list(events.feed(b"\n")) == [Event("5", b'{"fact": "two"}')]


def test_an_event_is_a_fact_or_a_message() -> None:
    assert FIRST.fact == {"fact": "one"}
    assert SECOND.message.de_registrations[0].device_id == "d"


@pytest.mark.parametrize("kind", ["fact", "message"])
def test_what_is_neither_is_no_answer_of_ours(kind: str) -> None:
    with pytest.raises(InvalidAnswer):
        getattr(Event("1", b"<html>"), kind)


@pytest.mark.parametrize("line", [b"data: aaaaaaaa\n", b"aaaaaaaa"])
def test_an_event_without_an_end_is_not_kept(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "LARGEST", 100)
    with pytest.raises(InvalidAnswer, match="more than 100 bytes"):
        flood(Events(), line)


def flood(events: Events, line: bytes) -> None:
    for _ in range(20):
        assert list(events.feed(line)) == []
