"""The border that the REST routes of all services share, and who may pass it."""

from collections import Counter
from dataclasses import dataclass
from typing import cast

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.security import HTTPAuthorizationCredentials
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from homeport.errors import InvalidName, Unavailable
from homeport.names import AccountId
from homeport.runtime import rest
from homeport.runtime.quotas import Quotas
from homeport.store.trust import Grant, TrustView


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what has arrived behind the border."""
    request = Request(scope)
    answer = JSONResponse(
        {"path": request.url.path, "request_id": request.state.request_id}
    )
    await answer(scope, receive, send)


async def get(path: str, app: ASGIApp = echo) -> httpx.Response:
    transport = httpx.ASGITransport(rest.Border(app))
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


def test_a_call_is_named_by_what_it_is_and_its_id_but_not_without_end() -> None:
    scope = {"method": "PUT", "path": "/v2/" + "x" * 500, "state": {"request_id": "1"}}
    named = rest.named(scope)
    assert named == {"call": f"PUT /v2/{'x' * 196}", "request_id": "1"}


async def test_an_application_serves_routes_itself() -> None:
    made, router = FastAPI(), APIRouter()

    @router.get("/ships/{name}")
    async def read(name: str) -> str:
        return name

    rest.add_routes(made, router)
    assert (await get("/ships/Passat", made)).json() == "Passat"
    assert (await get("/boats/Passat", made)).status_code == 404
    assert "/ships/{name}" in made.openapi()["paths"]


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


def test_some_problems_name_them_by_another_word() -> None:
    wrong = [("limit", "is no number")]
    answer = rest.problem(400, "x", "x", request_id="r", fields=wrong, named="field")
    assert b'"fields":[{"field":"limit","message":"is no number"}]' in body(answer)


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


@dataclass
class Gate:
    """The way in, while time stands still; all keys but one are known."""

    quotas: Quotas
    now: float = 0.0
    waits: frozenset[str] = frozenset()
    written: bool = True

    async def grant(self, key: str) -> Grant | None:
        return None if key == UNKNOWN else Grant(key, AccountId("a" * 32), "reader")

    async def is_written(self) -> bool:
        return self.written

    async def answers(self, key: str, count: int) -> Counter[int]:
        """Come so often with a key; return how often which status was answered."""
        enter = rest.caller(
            cast("TrustView", self),
            quotas=self.quotas,
            refused=lambda key: InvalidName("key", key),
            clock=lambda: self.now,
        )
        presented = HTTPAuthorizationCredentials(scheme="Bearer", credentials=key)
        answered: Counter[int] = Counter()
        for _ in range(count):
            try:
                assert (await enter(presented)).key_id == key
                answered[200] += 1
            except HTTPException as error:
                answered[error.status_code] += 1
                self.waits |= {(error.headers or {}).get("Retry-After", "")}
            except InvalidName:
                answered[401] += 1
            except Unavailable:
                answered[503] += 1
        return answered


UNKNOWN = "unknown"


async def test_a_key_that_calls_far_too_often_is_told_to_come_back() -> None:
    gate = Gate(Quotas(100))
    assert await gate.answers("greedy", 10_000) == {200: 100, 429: 9_900}
    assert await gate.answers("modest", 100) == {200: 100}
    gate.now = 0.5
    assert await gate.answers("greedy", 1_000) == {200: 50, 429: 950}
    assert gate.waits == {"1"}
    assert len(gate.quotas) == 2


async def test_keys_that_are_not_known_are_not_counted() -> None:
    gate = Gate(Quotas(100))
    assert await gate.answers(UNKNOWN, 1_000) == {401: 1_000}
    assert len(gate.quotas) == 0


async def test_no_key_is_said_to_be_wrong_while_the_keys_are_not_there() -> None:
    gate = Gate(Quotas(100), written=False)
    assert await gate.answers(UNKNOWN, 1) == {503: 1}
    assert await gate.answers("known", 1) == {200: 1}
