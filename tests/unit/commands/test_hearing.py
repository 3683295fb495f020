"""A command is told by a consumer of its own, which goes with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from homeport.client import AsyncClient, NotFound
from homeport.client.notifications import Message
from homeport.commands import hearing as module
from homeport.commands.hearing import FORGOTTEN, PREFIX, hearing
from homeport.events.facts import FactName
from tests.support.api import ScriptedApi

CONSUMERS = "/v2/notification/consumers"
LISTED = f"{CONSUMERS}?after=homeport-command&limit=5"


def consumer(name: str, *, age: timedelta = FORGOTTEN, connected: bool = False) -> Any:
    created = (datetime.now(UTC) - age).isoformat()
    return {"name": name, "created_at": created, "connected": connected}


def sent(number: int, **message: Any) -> str:
    return f"id: {number}\ndata: {orjson.dumps(message).decode()}\n\n"


def ended(device: str) -> dict[str, list[str]]:
    return {"de-registrations": [device]}


async def heard(client: AsyncClient, count: int) -> list[Message]:
    found = []
    facts = (FactName.DEVICE_DEREGISTERED,)
    async with hearing(client, "1", *facts, path="/3/0/0") as messages:
        async for message in messages:
            found.append(message)
            if len(found) == count:
                return found
    raise EOFError


def will_hear(api: ScriptedApi, *texts: str, left_behind: Any = ()) -> None:
    api.will_answer({"data": list(left_behind)})
    for _ in left_behind:
        api.will_answer(status=204, text="")
    api.will_answer(consumer("mine"))
    for text in texts:
        api.will_answer(text=text)


async def test_what_happens_is_heard_and_nothing_is_left(api: ScriptedApi) -> None:
    will_hear(api, sent(7, **ended("1")) + sent(8, **ended("2")))
    async with api.async_client() as client:
        found = await heard(client, 2)
    assert [each.de_registrations[0].device_id for each in found] == ["1", "2"]
    (_, put, follow, deleted) = api.asked
    assert api.asked[0] == ("GET", LISTED)
    name = put[1].rpartition("/")[2]
    assert name.startswith(PREFIX)
    assert orjson.loads(api.requests[1].content) == {
        "facts": ["device.deregistered"],
        "devices": ["1"],
        "groups": [],
        "paths": ["/3/0/0"],
        "start": "now",
    }
    following = f"{CONSUMERS}/{name}/events?form=notification&confirm=call"
    assert follow == ("GET", following)
    assert deleted == ("DELETE", f"{CONSUMERS}/{name}")


async def test_after_a_break_it_goes_on_behind_what_it_has(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0)
    will_hear(api, sent(7, **ended("1")))
    api.will_answer(status=503, text="SERVICE_UNAVAILABLE")
    api.will_answer(text=sent(8, **ended("2")))
    async with api.async_client() as client:
        assert len(await heard(client, 2)) == 2
    last = [each.headers.get("last-event-id") for each in api.requests[2:5]]
    assert last == [None, "7", "7"]


async def test_a_consumer_that_is_gone_is_told(api: ScriptedApi) -> None:
    will_hear(api)
    api.will_answer(status=404, text="CONSUMER_NOT_FOUND")
    api.will_answer(status=404, text="CONSUMER_NOT_FOUND")
    async with api.async_client() as client:
        with pytest.raises(NotFound):
            await heard(client, 1)


async def test_what_was_left_behind_is_removed(api: ScriptedApi) -> None:
    old = FORGOTTEN + timedelta(minutes=1)
    api.will_answer(
        {
            "data": [
                consumer(f"{PREFIX}a", age=old),
                consumer(f"{PREFIX}b", age=old, connected=True),
                consumer(f"{PREFIX}c", age=timedelta(minutes=1)),
                consumer(f"{PREFIX}d", age=old),
                consumer("somebody's", age=old),
            ],
            "has_more": True,
        }
    )
    api.will_answer(status=204, text="")
    api.will_answer(status=404, text="CONSUMER_NOT_FOUND")
    api.will_answer(consumer("mine"))
    api.will_answer(text=sent(1, **ended("1")))
    async with api.async_client() as client:
        await heard(client, 1)
    removed = [path for method, path in api.asked if method == "DELETE"]
    assert removed[:2] == [f"{CONSUMERS}/{PREFIX}a", f"{CONSUMERS}/{PREFIX}d"]
    assert len(removed) == 3
