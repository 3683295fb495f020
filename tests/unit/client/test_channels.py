"""``client.channel``: how a key's notifications are delivered."""

import pytest

from homeport.client import EVERYTHING, Client
from tests.support.api import Made, ScriptedApi

PATH = "/v2/notification"
FORM = {
    "type": "v2",
    "max_chunk_size": 10_000,
    "cfg": {
        "deregistrations_as_object": True,
        "include_uid": True,
        "include_timestamp": True,
        "include_original_ep": True,
        "include_values": True,
    },
}
STATE = {"status": "connected", "queue_size": 3, "queueSize": 3, "url": "http://a"}

CALLS = [
    Made(
        lambda client: client.channel.set_callback("http://a", headers={"b": "c"}),
        *("PUT", f"{PATH}/callback", {"url": "http://a", "headers": {"b": "c"}}),
    ),
    Made(
        lambda client: client.channel.set_callback(
            "http://a", signing_secret="whsec_1", serialization=EVERYTHING
        ),
        *("PUT", f"{PATH}/callback"),
        {"url": "http://a", "signing_secret": "whsec_1", "serialization": FORM},
    ),
    Made(lambda client: client.channel.callback(), "GET", f"{PATH}/callback"),
    Made(
        lambda client: client.channel.delete_callback(),
        *("DELETE", f"{PATH}/callback"),
    ),
    Made(lambda client: client.channel.set_websocket(), "PUT", f"{PATH}/websocket", {}),
    Made(lambda client: client.channel.websocket(), "GET", f"{PATH}/websocket"),
    Made(
        lambda client: client.channel.delete_websocket(),
        *("DELETE", f"{PATH}/websocket"),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(STATE)
    api.check(made)


def test_the_kind_is_told(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"delivery_mechanism": "WEB_SOCKET"})
    assert client.channel.kind() == "WEB_SOCKET"
    assert api.asked == [("GET", f"{PATH}/channel")]


def test_a_poll_brings_a_message_or_nothing(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"de-registrations": ["1"]})
    api.will_answer(status=204, text="")
    message = client.channel.pull()
    assert message is not None
    assert message.de_registrations[0].device_id == "1"
    assert client.channel.pull() is None
    assert api.requests[0].extensions["timeout"]["read"] > 60


@pytest.mark.parametrize(
    ("word", "there"), [("REMOVED", True), ("ALREADY_DELETED", False)]
)
def test_a_poll_is_ended(
    api: ScriptedApi, client: Client, word: str, *, there: bool
) -> None:
    api.will_answer(text=word)
    assert client.channel.delete_pull() is there
