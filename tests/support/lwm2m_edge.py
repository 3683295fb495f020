"""An lwm2m edge on a real store, and devices that are one step ahead or behind it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.transport import Origin
from homeport.events.facts import AnyFact
from homeport.identity import NOBODY, Identity
from homeport.names import AccountId
from homeport.store.operations import Expire, Expired
from services.lwm2m.coap import Listener
from services.lwm2m.handlers import Scene
from tests.support import sessions
from tests.support.memory import Device as Wire
from tests.support.memory import MemoryTransport
from tests.support.sessions import ACCOUNT, BUCKETS

LINKS = b'</>;rt="oma.lwm2m",</1/0>,</3/0>'
LINK_FORMAT = 40
REGISTER = ("ep=kitchen", "lt=300", "lwm2m=1.1", "b=U")
IZUMA = ("ep=kitchen", "lt=7200", "lwm2m=1.0", "b=U", f"aid={ACCOUNT}", "mccv=4.13.2")
ASSOCIATION = "c" * 28


@dataclass
class Device:
    """A device that says one thing and hears the answer."""

    wire: Wire
    message_id: int = field(default=0, init=False)

    async def ask(
        self,
        code: Code,
        path: Sequence[str],
        queries: Sequence[str] = (),
        payload: bytes = b"",
        *,
        content_format: int | None = None,
        options: Sequence[tuple[int, bytes]] = (),
        message_id: int | None = None,
    ) -> Message:
        """Send a confirmable request; wait for what comes next."""
        if content_format is None and payload:
            content_format = LINK_FORMAT
        given = [(int(Option.URI_PATH), part.encode()) for part in path]
        given += [(int(Option.URI_QUERY), query.encode()) for query in queries]
        given += options
        if content_format is not None:
            value = bytes([content_format]) if content_format else b""
            given.append((int(Option.CONTENT_FORMAT), value))
        if message_id is None:
            self.message_id += 1
            message_id = self.message_id
        ordered = tuple(sorted(given, key=lambda pair: pair[0]))
        self.wire.say(
            codec.encode(Message(Type.CON, code, message_id, b"\x2a", ordered, payload))
        )
        return await self.wire.hear_message()

    async def register(
        self,
        queries: Sequence[str] = REGISTER,
        payload: bytes = LINKS,
        **changed: int | None,
    ) -> Message:
        return await self.ask(Code.POST, ("rd",), queries, payload, **changed)

    async def update(
        self,
        location: Sequence[str],
        queries: Sequence[str] = (),
        payload: bytes = b"",
        **changed: int | None,
    ) -> Message:
        return await self.ask(Code.POST, location, queries, payload, **changed)

    async def deregister(
        self, location: Sequence[str], **changed: int | None
    ) -> Message:
        return await self.ask(Code.DELETE, location, **changed)

    async def silently(self, asked: Sequence[str], queries: Sequence[str]) -> bool:
        """Say whether a request gets no answer: the one behind it is answered first."""
        behind = self.message_id = self.message_id + 2
        datagram = Message(
            Type.CON,
            Code.POST,
            behind - 1,
            b"\x2a",
            (
                *((int(Option.URI_PATH), part.encode()) for part in asked),
                (int(Option.CONTENT_FORMAT), bytes([LINK_FORMAT])),
                *((int(Option.URI_QUERY), query.encode()) for query in queries),
            ),
            LINKS,
        )
        self.wire.say(codec.encode(datagram))
        unknown = ("rd", "0" * 48)
        return (await self.deregister(unknown, message_id=behind)).message_id == behind


@dataclass
class Edge:
    """One replica, as its devices and its store see it."""

    port: MemoryTransport
    store: sessions.Edge

    def device(
        self, name: str = "one", *, identity: Identity = NOBODY, peer: str = "192.0.2.1"
    ) -> Device:
        """Put a device in front of it; ``name`` is its address or association."""
        origin = Origin(f"{peer}:5683", name, identity)
        return Device(self.port.connect(origin))

    async def facts(self) -> list[AnyFact]:
        return await self.store.facts()

    async def expire(self) -> Expired:
        """End whatever is due, wherever it is."""
        sweeps = [Expire(bucket, 100, 0, 0, 0) for bucket in range(BUCKETS)]
        results = await self.store.sessions.expire(sweeps, now=self.store.clock.now())
        return Expired(sum(each.ended for each in results), 0, None)


@asynccontextmanager
async def serving(redis_url: str, **scene: bool) -> AsyncIterator[Edge]:
    """Run one replica."""
    async with sessions.edge(redis_url) as store:
        port = MemoryTransport()
        listener = Listener(
            port,
            store.sessions,
            replace(Scene(AccountId(ACCOUNT), BUCKETS), **scene),
            batch=256,
            backlog=1_024,
            recorded=lambda: None,
        )
        port.start(listener.receive)
        running = asyncio.create_task(listener.run())
        yield Edge(port, store)
        port.stop()
        listener.close()
        await running
