"""An lwm2m edge on a real store, and devices that are one step ahead or behind it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.transport import Origin
from homeport.events.facts import AnyFact, RequestCompleted, ResourceNotified
from homeport.identity import NOBODY, Identity, Means
from homeport.names import AccountId, DeviceId, EdgeId, EndpointName
from homeport.protocol.alterations import Alterations
from homeport.protocol.configurations import Configuration, Selector
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store import configurations
from homeport.store.entries import BootstrapConfiguration
from homeport.store.operations import Expire, Expired, Outcome
from homeport.store.queue import RequestQueue
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from services.lwm2m.asked import Scene
from services.lwm2m.coap import Listener
from services.lwm2m.kinds import KnownKinds
from services.lwm2m.ports import Place
from tests.support import sessions
from tests.support.memory import Device as Wire
from tests.support.memory import MemoryTransport
from tests.support.polling import until
from tests.support.sessions import ACCOUNT, BUCKETS
from tests.support.timers import Clock
from tests.support.trust import KEYRING

LINKS = b'</>;rt="oma.lwm2m",</1/0>,</3/0>'
LINK_FORMAT = 40
REGISTER = ("ep=kitchen", "lt=300", "lwm2m=1.1", "b=U")
IZUMA = ("ep=kitchen", "lt=7200", "lwm2m=1.0", "b=U", f"aid={ACCOUNT}", "mccv=4.13.2")
ASSOCIATION = "c" * 28
KITCHEN = names.device_id(ACCOUNT, EndpointName("kitchen"))
KEY = Identity(
    "psk:1", Means.SHARED_KEY, account=ACCOUNT, endpoint_name=EndpointName("kitchen")
)
_numbers = count(1)


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

    async def hear_request(self) -> Message:
        """Wait for what the edge asks."""
        return await self.wire.hear_message()

    def answer(
        self,
        asked: Message,
        code: Code = Code.CONTENT,
        payload: bytes = b"",
        options: Sequence[tuple[int, bytes]] = (),
    ) -> None:
        """Answer in the acknowledgement."""
        given = tuple(options)
        self.wire.say(
            codec.encode(
                Message(Type.ACK, code, asked.message_id, asked.token, given, payload)
            )
        )

    def acknowledge(self, asked: Message) -> None:
        """Say that the answer comes later."""
        self.wire.say(codec.encode_empty(Type.ACK, asked.message_id))

    def reset(self, asked: Message) -> None:
        self.wire.say(codec.encode_empty(Type.RST, asked.message_id))

    def tell(
        self,
        token: bytes,
        payload: bytes = b"",
        *,
        sequence: int | None = None,
        kind: Type = Type.CON,
        code: Code = Code.CONTENT,
        options: Sequence[tuple[int, bytes]] = (),
    ) -> int:
        """Say a response that belongs to no request; return its message id."""
        self.message_id += 1
        given = list(options)
        if sequence is not None:
            given.append((int(Option.OBSERVE), number(sequence)))
        ordered = tuple(sorted(given))
        self.wire.say(
            codec.encode(Message(kind, code, self.message_id, token, ordered, payload))
        )
        return self.message_id

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
    """One replica, as its devices and its store see it; ``poked`` are other edges."""

    port: MemoryTransport
    store: sessions.Edge
    clock: Clock
    listener: Listener[str]
    poked: list[tuple[EdgeId, DeviceId]]
    kinds: KnownKinds

    def device(
        self, name: str = "one", *, identity: Identity = NOBODY, peer: str = "192.0.2.1"
    ) -> Device:
        """Put a device in front of it; ``name`` is its address or association."""
        origin = Origin(f"{peer}:5683", name, identity)
        return Device(self.port.connect(origin))

    async def alter(self, alterations: Alterations, **selector: object) -> None:
        """Let the account know better which kind some devices are."""
        selected = Selector(f"{next(_numbers):032x}", **selector)
        wanted = Configuration(selected.id, alterations=alterations)
        entry = BootstrapConfiguration(
            AccountId(ACCOUNT), selected, configurations.build(wanted)
        )
        await TrustWriter(self.store.redis, KEYRING).put([entry])
        self.kinds.hear(frozenset({entry.name}))

    async def facts(self) -> list[AnyFact]:
        return await self.store.facts()

    async def expire(self) -> Expired:
        """End whatever is due, wherever it is."""
        sweeps = [Expire(bucket, 100, 0, 0, 0) for bucket in range(BUCKETS)]
        results = await self.store.sessions.expire(sweeps, now=self.store.clock.now())
        return Expired(sum(each.ended for each in results), 0, None)

    @property
    def queue(self) -> RequestQueue:
        return RequestQueue(self.store.redis, self.store.sessions)

    async def enqueue(
        self,
        method: Method = Method.GET,
        path: str = "/3/0/0",
        *,
        request: str = "",
        device: DeviceId = KITCHEN,
        **changed: object,
    ) -> Outcome:
        """Ask a device for something, without telling the edge of it."""
        name = request or f"{next(_numbers):032x}"
        asked = DeviceRequest(
            *(name, "key", f"async-{name}", method, path), expires_at=2**45
        )
        return await self.queue.enqueue(
            AccountId(ACCOUNT), device, replace(asked, **changed)
        )

    async def ask(
        self,
        method: Method = Method.GET,
        path: str = "/3/0/0",
        **changed: object,
    ) -> bool:
        """Ask a device for something, and tell the edge; say whether it has it."""
        await self.enqueue(method, path, **changed)
        return self.listener.downlink.wake(KITCHEN)

    async def settled(self) -> None:
        """Wait until nothing is under way with any device."""

        async def calm() -> bool:
            return not len(self.listener.downlink)

        await until(calm)

    async def ended(self, many: int = 1) -> list[RequestCompleted]:
        """Wait until so many requests have ended."""
        return await self._told(RequestCompleted, many)

    async def notified(self, many: int = 1) -> list[ResourceNotified]:
        """Wait until a device has told so many values."""
        return await self._told(ResourceNotified, many)

    async def _told(self, kind: type, many: int) -> list:
        found: list = []

        async def enough() -> bool:
            found[:] = [each for each in await self.facts() if isinstance(each, kind)]
            return len(found) >= many

        await until(enough)
        assert len(found) == many
        return found


def number(value: int) -> bytes:
    """Write a number as options have it."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def place(store: sessions.Edge, poked: list | None = None) -> Place:
    """Say where an edge is; others are poked into a list."""
    pokes = [] if poked is None else poked
    return Place(
        store.identity,
        store.sessions.bucket,
        lambda edge, device: pokes.append((edge, device)),
        lambda: store.clock.microseconds(store.clock.now()) // 1000,
    )


@asynccontextmanager
async def serving(redis_url: str, **scene: object) -> AsyncIterator[Edge]:
    """Run one replica."""
    async with sessions.edge(redis_url) as store:
        clock = Clock(asyncio.get_running_loop().time)
        port, poked = MemoryTransport(), []
        kinds = KnownKinds(TrustReader(store.redis, KEYRING))
        listener = Listener(
            port,
            store.sessions,
            replace(Scene(AccountId(ACCOUNT), BUCKETS), **scene),
            place(store, poked),
            batch=256,
            backlog=1_024,
            recorded=lambda _: None,
            kinds=kinds,
            timers=clock,
        )
        port.start(listener.receive, listener.gone)
        running = asyncio.create_task(listener.run())
        yield Edge(port, store, clock, listener, poked, kinds)
        port.stop()
        listener.close()
        await running
