"""The text of Server-Sent Events, byte by byte."""

import pytest

from services.notifier.named_consumers import server_sent_events as sse


def test_an_event_has_its_place_and_its_body() -> None:
    assert sse.event(b'{"a":1}', place=17) == b'id: 17\ndata: {"a":1}\n\n'


def test_a_body_of_several_lines_stays_one_event() -> None:
    assert sse.event(b"{\r\n}", place=1) == b"id: 1\ndata: {\ndata: }\n\n"


def test_progress_has_no_data() -> None:
    assert sse.progress(17) == b"id: 17\n\n"


def test_a_retry_is_in_milliseconds() -> None:
    assert sse.retry(1.5) == b"retry: 1500\n\n"


@pytest.mark.parametrize(
    ("text", "place"), [("0", 0), ("17", 17), ("9" * 18, 10**18 - 1)]
)
def test_a_place_is_a_number(text: str, place: int) -> None:
    assert sse.parse_place(text) == place


@pytest.mark.parametrize("text", ["", "-1", "1.0", " 1", "a", "²", "9" * 19])
def test_anything_else_is_none(text: str) -> None:
    assert sse.parse_place(text) is None
