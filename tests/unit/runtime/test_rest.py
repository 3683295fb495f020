"""The border that the REST routes of all services share."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from homeport.runtime import rest


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what has arrived behind the border."""
    request = Request(scope)
    answer = JSONResponse(
        {"path": request.url.path, "request_id": request.state.request_id}
    )
    await answer(scope, receive, send)


async def get(path: str) -> httpx.Response:
    transport = httpx.ASGITransport(rest.Border(echo))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    "path", ["/v3/devices", "/v3/devices/", "/v3//devices", "/v3/devices//"]
)
async def test_empty_path_segments_do_not_count(path: str) -> None:
    assert (await get(path)).json()["path"] == "/v3/devices"


async def test_every_answer_has_an_id_that_its_body_may_tell() -> None:
    one, other = await get("/"), await get("/")
    assert one.headers[rest.REQUEST_ID] == one.json()["request_id"]
    assert len(one.headers[rest.REQUEST_ID]) == 32
    assert one.headers[rest.REQUEST_ID] != other.headers[rest.REQUEST_ID]


def body(answer: Response) -> bytes:
    return bytes(answer.body)


def test_a_problem_says_what_is_wrong() -> None:
    answer = rest.problem(404, "not_found", "there is none", request_id="r")
    assert answer.status_code == 404
    assert body(answer) == (
        b'{"object":"error","code":404,"type":"not_found",'
        b'"message":"there is none","request_id":"r"}'
    )


def test_a_problem_names_the_fields_that_are_wrong() -> None:
    answer = rest.problem(
        400, "validation_error", "x", request_id="r", fields=[("limit", "is no number")]
    )
    assert b'"fields":[{"name":"limit","message":"is no number"}]' in body(answer)


async def test_a_socket_has_an_id_and_a_tidy_path_too() -> None:
    async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["path"] == "/v2/notification"
        await send({"type": "websocket.accept", "headers": []})
        await send({"type": "websocket.send", "text": scope["state"]["request_id"]})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/v2//notification/"}
    await rest.Border(accepting)(scope, receive, send)
    ((name, request_id),) = sent[0]["headers"]
    assert name == rest.REQUEST_ID.lower().encode()
    assert request_id.decode() == sent[1]["text"]
