"""What the server says of an event that it gives out is read from its reply."""

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from homeport.events.cloudevents import TRACEPARENT
from services.notifier.channels.messages import Taken
from services.notifier.stream.jetstream import Mark, mark, taken

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
