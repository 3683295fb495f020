"""What a person at a terminal sees."""

import io
from pathlib import Path

from rich.console import Console

from homeport.runtime.platform import screen
from homeport.runtime.platform.ready import Ready
from homeport.runtime.platform.sampling import Sample
from homeport.runtime.platform.screen import Screen

READY = Ready(
    account_id="a" * 32,
    api_key="ak_1" + "b" * 48,
    api="http://127.0.0.1:8080",
    bootstrap={"coap": "coap://127.0.0.1:5783"},
    lwm2m={"coap": "coap://127.0.0.1:5683"},
    nats="nats://127.0.0.1:4222",
    redis="redis://127.0.0.1:6379/0",
    postgres="postgresql://127.0.0.1:5432/homeport",
    processes={},
)


def shown(*, nosec: bool) -> str:
    written = io.StringIO()
    Screen(Console(file=written, width=200), Path("/data")).summarize(
        READY, nosec=nosec
    )
    return written.getvalue()


def test_the_summary_names_every_url_and_the_key() -> None:
    text = shown(nosec=True)
    for value in (READY.api_key, "coap://127.0.0.1:5683", READY.api, READY.nats):
        assert value in text


def test_the_summary_warns_of_devices_that_prove_nothing() -> None:
    warning = "Plain CoAP is open"
    assert warning in shown(nosec=True)
    assert warning not in shown(nosec=False)


def test_the_live_line_counts_devices_by_state() -> None:
    sample = Sample({"registered": 48, "cloud_enrolling": 2, "unenrolled": 0}, 12.4)
    assert (
        screen.live_line(sample, 3725)
        == "1:02:05   48 registered · 2 cloud enrolling   12 events/s"
    )


def test_the_live_line_says_what_it_does_not_know() -> None:
    assert screen.live_line(Sample(None, None), 5) == "0:00:05   devices unknown"
    assert screen.live_line(Sample({}, None), 5) == "0:00:05   no devices yet"


def test_a_note_says_who_what_and_why() -> None:
    event = {"event": "store away", "level": "warning", "timestamp": "x", "reason": "y"}
    assert screen.note("lwm2m-1", event).plain == "lwm2m-1: store away reason=y"
