"""``client.requests``: what devices are asked for."""

import pytest

from homeport.client import Client, InvalidCall
from tests.support.api import ScriptedApi


def test_a_value_is_asked_for(api: ScriptedApi, client: Client) -> None:
    api.will_answer(status=202, text="")
    assert client.requests.send("1", "GET", "/3/0/0", async_id="a-1") == "a-1"
    assert api.asked == [("POST", "/v2/device-requests/1?async-id=a-1")]
    assert api.body == {"method": "GET", "uri": "/3/0/0"}


def test_a_value_is_written(api: ScriptedApi, client: Client) -> None:
    api.will_answer(status=202, text="")
    client.requests.send(
        *("1", "PUT", "/1/0/1"),
        payload=b"60",
        content_type="text/plain",
        accept="text/plain",
        async_id="a",
        retry=0,
        expiry_seconds=60,
    )
    assert api.asked == [
        ("POST", "/v2/device-requests/1?async-id=a&retry=0&expiry-seconds=60")
    ]
    assert api.body == {
        "method": "PUT",
        "uri": "/1/0/1",
        "payload-b64": "NjA=",
        "content-type": "text/plain",
        "accept": "text/plain",
    }


def test_every_request_has_an_id_of_its_own(api: ScriptedApi, client: Client) -> None:
    one, another = (client.requests.send("1", "POST", "/3/0/4") for _ in range(2))
    assert one != another
    assert one in api.asked[0][1]


def test_a_full_queue_is_told(api: ScriptedApi, client: Client) -> None:
    api.will_answer(status=400, text="QUEUE_IS_FULL")
    with pytest.raises(InvalidCall) as caught:
        client.requests.send("1", "GET", "/3/0/0")
    assert caught.value.kind == "QUEUE_IS_FULL"
