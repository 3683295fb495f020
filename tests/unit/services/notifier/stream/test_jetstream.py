"""What the server says of an event is read from its reply or its headers."""

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from homeport.errors import InvalidFormat
from homeport.events.cloudevents import TRACEPARENT
from services.notifier.channels.messages import Taken
from services.notifier.stream.jetstream import Mark, mark, stored, taken

TIME = 1_795_962_005_123_456_789


@pytest.mark.parametrize(
    "reply",
    [
        f"$JS.ACK.DEVICES.channel-1.1.42.7.{TIME}.3",
        f"$JS.ACK.hub.AB12.DEVICES.channel-1.1.42.7.{TIME}.3",
        f"$JS.ACK._.AB12.DEVICES.channel-1.1.42.7.{TIME}.3.token",
    ],
    ids=["plain", "domain", "token"],
)
def test_the_mark_of_an_event_is_what_nats_py_reads(reply: str) -> None:
    message = Msg(Client(), "homeport.v1.a.device.registered", reply, b"{}", None)
    assert mark(message) == Mark(42, 7, TIME, 3)
    theirs = message.metadata
    assert (theirs.sequence.stream, theirs.sequence.consumer) == (42, 7)
    assert theirs.num_pending == 3


def test_an_event_has_its_place_its_time_and_its_trace() -> None:
    headers = {TRACEPARENT: "00-1-2-01"}
    message = Msg(Client(), "homeport.v1.a.device.registered", "", b"{}", headers)
    told = taken(message, Mark(42, 7, TIME, 3))
    assert told == Taken(42, TIME // 1_000_000, b"{}", "00-1-2-01")


STORED = {
    "Nats-Sequence": "42",
    "Nats-Last-Sequence": "40",
    "Nats-Time-Stamp": "2026-11-30T18:31:02.93917046Z",
}


def republished(headers: dict[str, str]) -> Msg:
    return Msg(Client(), "homeport.stored.a.device.registered", "", b"{}", headers)


def test_an_event_that_is_published_again_says_which_one_was_before_it() -> None:
    event, before = stored(republished({**STORED, TRACEPARENT: "00-1-2-01"}))
    assert event == Taken(42, 1_796_063_462_939, b"{}", "00-1-2-01")
    assert before == 40


@pytest.mark.parametrize("fraction", ["", ".9", ".9391", ".939170469"])
def test_the_server_writes_no_more_of_a_second_than_there_is(fraction: str) -> None:
    time = f"2026-11-30T18:31:02{fraction}Z"
    event, _ = stored(republished({**STORED, "Nats-Time-Stamp": time}))
    assert event.time // 1000 == 1_796_063_462


@pytest.mark.parametrize("name", sorted(STORED))
def test_what_is_no_stored_event_is_none(name: str) -> None:
    for wrong in ({**STORED, name: "x"}, {**STORED, name: ""}, {}):
        with pytest.raises(InvalidFormat):
            stored(republished(wrong))
