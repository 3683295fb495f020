"""A bootstrap edge on a real store, and devices that answer it step by step."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from homeport.coap import blockwise, codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.events.facts import AnyFact
from homeport.names import EdgeId
from homeport.protocol import paths
from homeport.protocol.configurations import Configuration, Selector
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.core import CORE
from homeport.store import configurations
from homeport.store.edges import EdgeRegistry
from homeport.store.entries import BootstrapConfiguration
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from services.bootstrap.coap import Listener
from services.bootstrap.running import Patience
from services.bootstrap.work import Stores
from tests.support import sessions
from tests.support.bootstrap import ACCOUNT, EDGE, scene
from tests.support.lockstep import acknowledge
from tests.support.memory import Device, MemoryTransport
from tests.support.polling import until
from tests.support.trust import KEYRING

Said = tuple[Code, bytes, int | None]
"""What a device answers: a code, a payload, and its content format."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A bootstrap edge on a real store, with a port without a wire."""

    port: MemoryTransport
    store: sessions.Edge
    registry: EdgeRegistry
    reader: TrustReader
    writer: TrustWriter
    drain: Callable[[], Awaitable[None]]

    async def facts(self, count: int) -> list[AnyFact]:
        """Wait until so much has happened; return it."""

        async def happened() -> bool:
            return len(await self.store.facts()) >= count

        await until(happened)
        found = await self.store.facts()
        assert len(found) == count, found
        return found

    async def configure(
        self, configuration: Configuration, **selector: object
    ) -> Configuration:
        """Let the account want something of its devices."""
        identity = configuration.id or "c" * 32
        wanted = replace(configuration, id=identity)
        entry = BootstrapConfiguration(
            ACCOUNT, Selector(identity, **selector), configurations.build(wanted)
        )
        await self.writer.put([entry])
        return wanted


@asynccontextmanager
async def serving(
    redis_url: str, *, enrolls: bool = False, edge: EdgeId = EDGE
) -> AsyncIterator[Edge]:
    """Run one replica."""
    async with sessions.edge(redis_url) as store:
        port = MemoryTransport()
        registry = EdgeRegistry(store.redis, store.clock)
        reader = TrustReader(store.redis, KEYRING)
        writer = TrustWriter(store.redis, KEYRING)
        listener = Listener(
            port,
            Stores(
                sessions=store.sessions,
                registry=registry,
                reader=reader,
                writer=writer,
                recorded=lambda _: None,
                now_milliseconds=lambda: (
                    store.clock.microseconds(store.clock.now()) // 1000
                ),
            ),
            replace(scene(enrolls=enrolls), edge=edge),
            patience=Patience(60, 120),
            most=100,
        )
        port.start(listener.receive, listener.gone)
        running = asyncio.create_task(listener.run())
        yield Edge(port, store, registry, reader, writer, listener.drain)
        port.stop()
        listener.close()
        await running


async def answer_all(
    device: Device, answers: Mapping[str, Said] | None = None
) -> list[Message]:
    """Answer what a device is asked until the finish; return the whole requests.

    What is not among the ``answers``, by its name, is answered plainly.
    """
    asked: list[Message] = []
    body = b""
    while True:
        message = await device.hear_message()
        body += message.payload
        block = message.value(Option.BLOCK1)
        if block is not None and blockwise.parse(block).more:
            device.say(acknowledge(message, Code.CONTINUE))
            continue
        asked.append(replace(message, payload=body))
        body = b""
        device.say(answer(message, answers or {}))
        if message.path == ("bs",):
            return asked


def answer(message: Message, answers: Mapping[str, Said]) -> bytes:
    """Answer a request."""
    plain = (Code.CONTENT if message.code == Code.GET else Code.CHANGED, b"", None)
    code, payload, content_format = answers.get(name(message), plain)
    options = ()
    if content_format is not None:
        options = ((Option.CONTENT_FORMAT, content_format.to_bytes(2, "big")),)
    said = Message(Type.ACK, code, message.message_id, message.token, options, payload)
    return codec.encode(said)


def name(message: Message) -> str:
    """Call a request by its name: ``PUT /0/1``."""
    return f"{message.code.name} /{'/'.join(message.path)}"


def records(message: Message) -> tuple[Record, ...]:
    """Read what a device is written."""
    assert message.content_format is not None
    return codecs.decode(
        message.content_format,
        message.payload,
        base=paths.parse(f"/{'/'.join(message.path)}"),
        definitions=CORE,
    )


async def fetch(
    ask: Callable[[int], bytes], device: Device, *, code: Code
) -> tuple[list[Message], bytes]:
    """Fetch a large answer block by block; return its parts and the whole."""
    parts, body = [], b""
    while True:
        device.say(ask(len(parts)))
        part = await device.hear_message()
        assert part.code == code, part
        parts.append(part)
        body += part.payload
        block = part.value(Option.BLOCK2)
        if block is None or not blockwise.parse(block).more:
            return parts, body
