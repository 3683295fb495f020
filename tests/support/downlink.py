"""An edge without a protocol: what it takes from queues it answers as devices would."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from nats.aio.msg import Msg

from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.identity import NOBODY
from homeport.names import DeviceId
from homeport.protocol import device_requests
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.runtime.relay import Relay
from homeport.runtime.tasks import end
from homeport.store import keys
from homeport.store.operations import Outcome, Result, TakenRequest
from homeport.store.reports import Notify
from homeport.store.requests import Complete, Take
from tests.support import sessions
from tests.support.sessions import BUCKETS, Device, Edge

LEASE = 300
AWAKE = 93_000


@dataclass(frozen=True)
class Reply:
    """What a device answers; ``observed`` where it will notify."""

    code: str = "2.05"
    payload: bytes = b"42"
    content_format: int | None = 0
    max_age: int = 60
    observed: bool = False


Answer = Callable[[DeviceRequest], Reply | None]
"""Answers a request, or leaves it under way with None."""


def obediently(request: DeviceRequest) -> Reply | None:
    """Answer everything with success."""
    if request.method is Method.GET:
        return Reply(observed=request.observe is True)
    return Reply("2.04", b"", None)


@dataclass
class PlayedEdge:
    """An edge that has some devices; ``asked`` is what they have been asked."""

    store: Edge
    nats: BusClient
    answer: Answer = obediently
    asked: list[DeviceRequest] = field(default_factory=list)

    async def register(self, device: Device, number: int = 1, **changes: object) -> str:
        """Have a device register; return its Location."""
        (outcome,) = await self.store.do(device.register(number, **changes))
        assert outcome.result is Result.REGISTERED, outcome
        return outcome.registration

    async def serve(self, device: DeviceId) -> None:
        """Take and answer until nothing waits for a device."""
        bucket = self.store.sessions.bucket(device)
        while True:
            (taken,) = await self.store.do(Take(bucket, device, 0, AWAKE, LEASE))
            if not isinstance(taken, TakenRequest):
                return
            request = device_requests.parse(taken.body)
            self.asked.append(request)
            reply = self.answer(request)
            if reply is None:
                return
            await self.complete(device, request, reply)

    async def complete(
        self, device: DeviceId, request: DeviceRequest, reply: Reply
    ) -> Outcome:
        """End a request with what its device answers."""
        told = {
            "outcome": "answered",
            "code": reply.code,
            "content_format": reply.content_format,
            "max_age": reply.max_age,
            "payload": base64.b64encode(reply.payload).decode(),
            "observed": reply.observed,
        }
        token = secrets.token_hex(4) if reply.observed else ""
        (outcome,) = await self.store.do(
            Complete(
                self.store.sessions.bucket(device),
                device,
                request.id,
                "," + orjson.dumps(told).decode()[1:-1],
                token,
                request.path if request.observe is not None else "",
            )
        )
        return outcome

    async def notify(self, device: Device, path: str, value: bytes = b"43") -> None:
        """Have a device notify of what is observed."""
        known = await self.store.redis.hgetall(keys.tokens(device.bucket, device.id))
        (token,) = (
            token.decode()
            for token, text in known.items()
            if text.decode().split(" ", 2)[2] == path
        )
        told = {"payload": base64.b64encode(value).decode(), "content_format": 0}
        (outcome,) = await self.store.do(
            Notify(
                device.bucket,
                device.id,
                NOBODY.name,
                token,
                "",
                0,
                "," + orjson.dumps(told).decode()[1:-1],
            )
        )
        assert outcome.result is Result.RECORDED, outcome

    async def hear(self) -> None:
        """Answer whatever it is poked for, until cancelled."""
        poked: asyncio.Queue[DeviceId] = asyncio.Queue()

        async def remember(message: Msg) -> None:
            poked.put_nowait(DeviceId(message.data.decode()))

        heard = await self.nats.subscribe(
            subjects.poke(self.store.identity), cb=remember
        )
        try:
            while True:
                await self.serve(await poked.get())
        finally:
            await heard.unsubscribe()

    async def publish(self) -> None:
        """Publish what happens, until cancelled."""
        relay = Relay(self.store.outbox, self.nats)
        while True:
            await relay.round(range(BUCKETS))
            await asyncio.sleep(0.01)


@asynccontextmanager
async def played_edge(
    redis_url: str, nats: BusClient, *, answer: Answer = obediently
) -> AsyncIterator[PlayedEdge]:
    """Run an edge; left, it is gone without a farewell."""
    async with sessions.edge(redis_url) as store:
        made = PlayedEdge(store, nats, answer)
        tasks = [asyncio.create_task(work()) for work in (made.hear, made.publish)]
        try:
            yield made
        finally:
            for task in tasks:
                await end(task)
            await asyncio.gather(*tasks, return_exceptions=True)
