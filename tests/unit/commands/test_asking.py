"""A device is asked, and whatever comes of it is a sentence."""

import asyncio

import httpx
import pytest

from homeport.client import AsyncClient, InvalidCall
from homeport.client.notifications import Response
from homeport.commands import asking
from homeport.commands.asking import Asked, NotDone
from tests.support.answers import ID, DeviceApi, response
from tests.support.api import KEY, URL

READ = Asked("GET", "/3/0/0")


async def ask(api: DeviceApi, asked: Asked = READ, *, seconds: float = 60) -> Response:
    async with AsyncClient(URL, KEY, transport=api.transport()) as client:
        return await asking.ask(client, ID, asked, seconds=seconds)


async def test_what_comes_of_it_is_returned() -> None:
    others = {"async-responses": [{"id": "another", "status": 404, "payload": ""}]}
    api = DeviceApi(others, {"notifications": []}, response("Homeport"))
    told = await ask(api)
    assert (told.status, told.content) == (200, b"Homeport")
    assert api.paths("POST") == [f"/v2/device-requests/{ID}"]


async def test_it_says_what_is_written_and_how_it_is_wanted() -> None:
    api = DeviceApi(response())
    asked = Asked("PUT", "/3/0/14?pmin=1", b"+02:00", "text/plain", "text/plain")
    assert asked.path == "/3/0/14"
    await ask(api, asked)
    (body,) = (body for method, _, body in api.asked if method == "POST")
    assert body == {
        "method": "PUT",
        "uri": "/3/0/14?pmin=1",
        "payload-b64": "KzAyOjAw",
        "content-type": "text/plain",
        "accept": "text/plain",
    }


@pytest.mark.parametrize(
    ("status", "word", "sentence"),
    [
        (404, "DEVICE_NOT_FOUND", "the device is none of this account"),
        (400, "DEVICE_NOT_CONNECTED", "the device is not registered"),
        (400, "RESOURCE_NOT_FOUND", "the device has no such path"),
        (400, "QUEUE_IS_FULL", "the device has as many requests waiting as it may"),
    ],
)
async def test_why_it_is_not_asked_is_a_sentence(
    status: int, word: str, sentence: str
) -> None:
    api = DeviceApi()
    api.answers["POST", "/v2/device-requests"] = httpx.Response(status, text=word)
    with pytest.raises(NotDone) as caught:
        await ask(api)
    assert str(caught.value) == sentence
    assert len(api.paths("DELETE")) == 1


async def test_what_nobody_expects_is_told_as_it_is() -> None:
    api = DeviceApi()
    refused = httpx.Response(400, text="MALFORMED_JSON_CONTENT")
    api.answers["POST", "/v2/device-requests"] = refused
    with pytest.raises(InvalidCall):
        await ask(api)


@pytest.mark.parametrize(
    ("seconds", "end"), [(0.05, "0.05 s; it may still be asked until 60 s are over")]
)
async def test_who_does_not_answer_is_given_up(seconds: float, end: str) -> None:
    api = DeviceApi({"notifications": []})
    with pytest.raises(NotDone) as caught:
        await ask(api, seconds=seconds)
    assert str(caught.value) == f"the device has not answered within {end}"
    assert len(api.paths("DELETE")) == 1


async def test_after_a_while_it_is_said_what_is_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_SECONDS", 0)
    with asking.patience():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert "one that sleeps is asked when it comes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (404, "", "answers 404 Not Found"),
        (405, "", "answers 405 Method Not Allowed"),
        (500, "NOT_IMPLEMENTED", "answers 500 NOT_IMPLEMENTED"),
        (499, "", "answers 499 which nobody knows"),
        (429, "REQUEST_EXPIRED", "has not come in time, and is not asked any more"),
        (429, "DEVICE_BLOCKED", "is suspended"),
        (503, "NOT_CONNECTED", "cannot be reached"),
        (504, "TIMEOUT", "does not answer"),
    ],
)
def test_what_is_wrong_with_a_response_is_said(
    status: int, error: str, said: str
) -> None:
    assert asking.reason(Response(id="a", status=status, error=error)) == said
