"""How soon a caller hears what a device that is awake has answered, over DTLS.

One thing is asked after the other: what is measured is the way, and no queue.
"""

import asyncio
import base64
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection

from bench.figures import PATIENCE_SECONDS, Processes, loaded, percentile, shown
from bench.notifications import caller, socket_of
from bench.processes import platform
from homeport.simulator.factory import ListedKeys
from homeport.simulator.fleet import Fleet
from homeport.simulator.options import FleetOptions, Habit, Target

ASKED, WARM = 300, 20
ANSWER_WANTED = 0.015
LIFETIME_SECONDS = 3_600
_OK = 200


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    async with platform(HOMEPORT_LOG_LEVEL="warning") as ready, caller(ready) as api:
        return await _answers(ready, api)


async def _answers(ready: Mapping[str, Any], api: httpx.AsyncClient) -> bool:
    """Ask a device that is awake, over DTLS, one thing after the other."""
    key = secrets.token_bytes(16)
    async with _awake(ready, api, key) as device, socket_of(ready, api) as socket:
        answers = _Answers()
        reading = asyncio.create_task(answers.read(socket))
        processes = Processes(ready)

        async def ask(body: Mapping[str, str]) -> float:
            name = uuid.uuid4().hex[:20]
            heard = answers.expect(name)
            begun = time.perf_counter()
            accepted = await api.post(
                f"/v2/device-requests/{device}", params={"async-id": name}, json=body
            )
            accepted.raise_for_status()
            return await heard - begun

        written = base64.b64encode(b"+01:00").decode()
        writing = {"method": "PUT", "uri": "/3/0/14", "payload-b64": written}
        asked = await _repeat(lambda: ask(writing))
        costs = processes.shown(WARM + ASKED)
        known = await _repeat(lambda: ask({"method": "GET", "uri": "/3/0/1"}))
        reading.cancel()
    print(f"a request over DTLS:         {shown(asked)}{loaded()}")
    print(f"  one costs {costs}")
    print(f"one that is answered at once: {shown(known)}{loaded()}")
    return percentile(asked, 50) < ANSWER_WANTED


async def _repeat(work: Callable[[], Awaitable[float]]) -> list[float]:
    return [await work() for _ in range(WARM + ASKED)][WARM:]


class _Answers:
    """The async responses that come through a WebSocket."""

    def __init__(self) -> None:
        self._expected: dict[str, asyncio.Future[float]] = {}

    def expect(self, name: str) -> asyncio.Future[float]:
        """Return what is done, with the time, when an answer of a name has come."""
        return self._expected.setdefault(
            name, asyncio.get_running_loop().create_future()
        )

    async def read(self, socket: ClientConnection) -> None:
        """Read until cancelled."""
        while True:
            message = orjson.loads(await socket.recv(decode=False))
            for answer in message.get("async-responses", ()):
                heard = self._expected.pop(answer["id"])
                if answer["status"] == _OK:
                    heard.set_result(time.perf_counter())
                else:
                    heard.set_exception(RuntimeError(f"it answered {answer}"))


@asynccontextmanager
async def _awake(
    ready: Mapping[str, Any], api: httpx.AsyncClient, key: bytes
) -> AsyncIterator[str]:
    """Run a device with a key; yield its id once everybody knows it."""
    prefix = "urn:dev:bench"
    name = f"{prefix}-000000"
    body = {"endpoint_name": name, "secret_hex": key.hex(), "service": "lwm2m"}
    (await api.post("/v2/device-shared-keys", json=body)).raise_for_status()
    options = FleetOptions(
        1,
        Target(lwm2m=f"{ready['lwm2m']['coaps']}?aid={ready['account_id']}"),
        prefix=prefix,
        lifetime=LIFETIME_SECONDS,
        turn=LIFETIME_SECONDS,
        mix={Habit.UPDATE: 1},
        factory=ListedKeys({name: key}),
    )
    with Fleet(options) as fleet:
        living = asyncio.create_task(fleet.run())
        device = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not device:
                await asyncio.sleep(0.1)
                device = await _registered(api, name)
        yield device
        fleet.stop()
        await living


async def _registered(api: httpx.AsyncClient, name: str) -> str:
    """Return the id of a device that has registered; '' before."""
    answer = await api.get("/v3/devices", params={"endpoint_name__eq": name})
    for found in answer.json()["data"]:
        if found["state"] == "registered":
            return str(found["id"])
    return ""
