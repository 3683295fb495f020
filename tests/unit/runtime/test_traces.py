"""A trace follows an event, for a share of events, and costs the others nothing."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.events import cloudevents
from homeport.runtime import traces
from homeport.runtime.config import Settings
from tests.support.events import deregistered

sdk = pytest.importorskip(
    "opentelemetry.sdk.trace.export.in_memory_span_exporter",
    reason="the extra 'traces' is not installed",
)
trace = pytest.importorskip("opentelemetry.trace")

EVENTS = [deregistered(number) for number in range(200)]


@contextmanager
def traced(ratio: float) -> Iterator[Callable[[], Sequence[Any]]]:
    """Trace a share of events; once left, all spans can be read."""
    exporter = sdk.InMemorySpanExporter()
    with traces.using(exporter, ratio=ratio, service="test"):
        yield exporter.get_finished_spans


def published(*events: cloudevents.Envelope) -> list[str]:
    """Publish events; return the traces that they carry."""
    with traces.publishing(events) as told:
        return [envelope.traceparent for envelope in told]


def test_without_a_collector_events_are_as_they_were() -> None:
    with (
        traces.exporting(Settings(), service="test"),
        traces.publishing(EVENTS) as told,
        traces.handling("store", ["not looked at"]),
    ):
        assert told is EVENTS
        assert traces.outgoing() == {}


def test_an_event_carries_its_trace_to_whoever_handles_it() -> None:
    with traced(1) as spans:
        traceparents = published(EVENTS[0])
        with traces.handling("store", traceparents, place="here"):
            told = traces.outgoing()["traceparent"]
    first, second = spans()
    assert (first.name, second.name) == ("publish device.deregistered", "store")
    assert second.parent.span_id == first.context.span_id
    assert second.context.trace_id == first.context.trace_id
    assert told == f"00-{first.context.trace_id:032x}-{second.context.span_id:016x}-01"
    assert second.attributes["place"] == "here"


def test_a_trace_begins_when_its_event_was_recorded() -> None:
    with traced(1) as spans:
        published(EVENTS[0])
    (span,) = spans()
    assert span.start_time == 1_795_530_005_123_456_000
    assert span.attributes["cloudevents.event_id"] == EVENTS[0].id


@pytest.mark.conforms("C-232", "B-074")
def test_a_trace_says_which_event_it_is_and_nothing_of_what_that_says() -> None:
    with traced(1) as spans:
        published(EVENTS[0])
    (span,) = spans()
    assert set(span.attributes.values()) == {
        *(EVENTS[0].id, EVENTS[0].fact, EVENTS[0].device, EVENTS[0].account),
    }


def test_every_event_of_a_batch_goes_on_in_its_own_trace() -> None:
    with traced(1) as spans:
        with traces.handling("store", published(*EVENTS[:3])):
            carried = traces.outgoing()["traceparent"]
        assert traces.outgoing() == {}
    stored = [span for span in spans() if span.name == "store"]
    assert len({span.context.trace_id for span in stored}) == 3
    assert f"{stored[0].context.trace_id:032x}" in carried


def test_a_share_of_events_is_traced_and_always_the_same() -> None:
    with traced(0.2):
        first, again = published(*EVENTS), published(*EVENTS)
    chosen = [bool(traceparent) for traceparent in first]
    assert 20 <= sum(chosen) <= 60
    assert chosen == [bool(traceparent) for traceparent in again]


def test_what_is_not_traced_begins_nothing_where_it_is_handled() -> None:
    with traced(0) as spans, traces.handling("store", published(*EVENTS)):
        assert traces.outgoing() == {}
    assert not spans()


def test_what_goes_wrong_is_part_of_the_trace() -> None:
    with (
        traced(1) as spans,
        pytest.raises(Unavailable),
        traces.publishing(EVENTS[:1]),
    ):
        raise Unavailable("NATS", "is away")
    (span,) = spans()
    assert span.events[0].attributes["exception.message"].endswith("is away")


def test_a_header_that_is_no_trace_begins_a_new_one() -> None:
    with traced(1), traces.handling("store", ["nonsense"]):
        assert traces.outgoing()["traceparent"].startswith("00-")


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)
    settings = Settings(traces_url="http://127.0.0.1:4318/v1/traces")
    with (
        pytest.raises(InvalidConfiguration, match=r"homeport\[traces\]"),
        traces.exporting(settings, service="test"),
    ):
        pass
