"""How soon an application knows what happens: by webhook and by WebSocket.

Everything runs on this machine, what makes the load included.
"""

import asyncio
import time
import uuid
from collections.abc import (
    AsyncIterator,
    Iterable,
    Mapping,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect

from bench.figures import Processes, loaded, percentile, shown, until
from bench.load import Build, load, registration
from bench.processes import platform
from homeport.events import publisher
from homeport.events.client import BusClient
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId
from homeport.runtime import bus
from homeport.runtime.serving import serve

REGISTRATIONS, REGISTRATIONS_A_SECOND = 15_000, 1_000.0
LIFETIME_SECONDS = 3_600
VALUES_A_SECOND, VALUES_SECONDS = 10_000, 10
BACKLOG = 100_000
"""Values that are all there before the first is told."""
BATCHES_A_SECOND = 50
WEBHOOK_WANTED = {50: 0.020, 99: 0.100}

_DEVICE = DeviceId("d" * 32)
_ONE_VALUE = b'"ep":'


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    async with (
        platform(HOMEPORT_LOG_LEVEL="warning") as ready,
        caller(ready) as api,
        bus.connection(str(ready["nats"])) as nats,
    ):
        good = await _registrations(ready, api)
        return await _values(ready, api, nats) and good


def caller(ready: Mapping[str, Any]) -> httpx.AsyncClient:
    """Make a client of the API."""
    return httpx.AsyncClient(
        base_url=str(ready["api"]),
        headers={"Authorization": f"Bearer {ready['api_key']}"},
        trust_env=False,
    )


@dataclass(slots=True)
class Webhook:
    """Notes when it is told of each device, by the device's own name."""

    told: dict[str, float] = field(default_factory=dict)
    calls: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept a message."""
        body = await Request(scope, receive).body()
        now = time.perf_counter()
        self.calls += 1
        for item in orjson.loads(body).get("registrations", ()):
            self.told.setdefault(item["original-ep"], now)
        await Response(status_code=204)(scope, receive, send)


async def _registrations(ready: Mapping[str, Any], api: httpx.AsyncClient) -> bool:
    """Let devices register, and look when a webhook is told of each."""
    webhook, sent = Webhook(), dict[str, float]()
    processes = Processes(ready)
    names = [f"bench-{number}" for number in range(REGISTRATIONS)]
    async with (
        serve(webhook, "127.0.0.1", 0) as port,
        load(ready["lwm2m"]["coap"]) as devices,
    ):
        url = f"http://127.0.0.1:{port}/"
        answer = await api.put("/v2/notification/callback", json={"url": url})
        answer.raise_for_status()
        outcome = await devices.run(
            (_noted(name, sent) for name in names), rate=REGISTRATIONS_A_SECOND
        )
        await until(lambda: len(webhook.told) >= REGISTRATIONS)
        await api.delete("/v2/notification/callback")
    delays = [webhook.told[name] - sent[name] for name in names]
    reached = REGISTRATIONS / outcome.seconds
    print(f"{reached:,.0f} registrations/s, answered: {shown(outcome.latencies)}")
    print(f"their webhook ({webhook.calls:,} calls):   {shown(delays)}{loaded()}")
    print(f"  one costs {processes.shown(REGISTRATIONS)}")
    return all(
        percentile(delays, percent) < wanted
        for percent, wanted in WEBHOOK_WANTED.items()
    )


def _noted(name: str, sent: dict[str, float]) -> Build:
    """Make a Register that notes when it is sent."""
    build = registration(name, LIFETIME_SECONDS)

    def noted(message_id: int) -> bytes:
        sent[name] = time.perf_counter()
        return build(message_id)

    return noted


@dataclass(slots=True)
class Reader:
    """Counts the values that come through a WebSocket, and notes when."""

    count: int = 0
    messages: int = 0
    arrivals: list[tuple[int, float]] = field(default_factory=list)

    async def read(self, socket: ClientConnection) -> None:
        """Read until cancelled."""
        while True:
            message = await socket.recv(decode=False)
            self.messages += 1
            self.count += message.count(_ONE_VALUE)
            self.arrivals.append((self.count, time.perf_counter()))

    def reset(self) -> None:
        """Begin to count anew."""
        self.count, self.messages, self.arrivals = 0, 0, []


async def _values(
    ready: Mapping[str, Any], api: httpx.AsyncClient, nats: BusClient
) -> bool:
    """Let values of a device be noted, steadily and all at once; read one socket."""
    account, reader = AccountId(str(ready["account_id"])), Reader()
    processes = Processes(ready)
    await api.put("/v2/subscriptions", json=[{}])
    async with socket_of(ready, api) as socket:
        reading = asyncio.create_task(reader.read(socket))
        published = []
        each = VALUES_A_SECOND // BATCHES_A_SECOND
        begun = time.perf_counter()
        for turn in range(VALUES_SECONDS * BATCHES_A_SECOND):
            due = begun + turn / BATCHES_A_SECOND
            await asyncio.sleep(max(0, due - time.perf_counter()))
            published += [time.perf_counter()] * each
            await publisher.publish(nats, _noticed(account, each))
        offered = len(published) / (time.perf_counter() - begun)
        await until(lambda: reader.count >= len(published))
        steady, messages = _delays(published, reader.arrivals), reader.messages
        costs = processes.shown(len(published))
        reader.reset()
        reading.cancel()
    for _ in range(BACKLOG // publisher.MAX_BATCH):
        await publisher.publish(nats, _noticed(account, publisher.MAX_BATCH))
    async with socket_of(ready, api) as socket:
        begun = time.perf_counter()
        reading = asyncio.create_task(reader.read(socket))
        await until(lambda: reader.count >= BACKLOG)
        ceiling = BACKLOG / (reader.arrivals[-1][1] - begun)
        reading.cancel()
    await api.delete("/v2/subscriptions")
    print(f"{offered:,.0f} values/s to one WebSocket ({messages:,} messages): ", end="")
    print(f"{shown(steady)}{loaded()}")
    print(f"  one costs {costs}")
    print(f"a backlog of {BACKLOG:,}: {ceiling:,.0f} values/s{loaded()}")
    return ceiling >= VALUES_A_SECOND and offered >= 0.95 * VALUES_A_SECOND


@asynccontextmanager
async def socket_of(
    ready: Mapping[str, Any], api: httpx.AsyncClient
) -> AsyncIterator[ClientConnection]:
    """Open the WebSocket of the key."""
    (await api.put("/v2/notification/websocket")).raise_for_status()
    url = str(ready["api"]).replace("http", "ws", 1)
    async with connect(
        f"{url}/v2/notification/websocket-connect",
        additional_headers={"Authorization": api.headers["Authorization"]},
        max_size=None,
        compression=None,
        proxy=None,
    ) as socket:
        yield socket


def _noticed(account: AccountId, count: int) -> list[Envelope]:
    """Make facts of a value that a device has told."""
    made = []
    for _ in range(count):
        event = f"{_DEVICE}.{uuid.uuid4().hex}"
        revision = time.time_ns() // 1_000
        body = orjson.dumps(
            {
                "fact": FactName.RESOURCE_NOTIFIED,
                "id": event,
                "account_id": account,
                "device_id": _DEVICE,
                "endpoint_name": "bench",
                "revision": revision,
                "path": "/3303/0/5700",
                "content_format": 0,
                "payload": "MjEuNQ==",
            }
        )
        happened = "2026-11-24T14:20:05.123456Z"
        fact = FactName.RESOURCE_NOTIFIED
        made.append(Envelope(event, fact, account, _DEVICE, happened, body))
    return made


def _delays(
    published: Iterable[float], arrivals: Iterable[tuple[int, float]]
) -> list[float]:
    """Return for each value how long it took; they come in the order they happened."""
    coming = iter(arrivals)
    count, arrived = next(coming)
    delays = []
    for number, since in enumerate(published):
        while count <= number:
            count, arrived = next(coming)
        delays.append(arrived - since)
    return delays
