"""The lwm2m edge on real servers, driven over its socket."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.tcp import frames
from homeport.coap.tcp.frames import Frame
from homeport.coap.tcp.signals import Signal
from homeport.events import subjects
from homeport.events.facts import RequestCompleted
from homeport.names import AccountId, EdgeId
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from homeport.store.queue import RequestQueue
from services.lwm2m.app import service
from services.lwm2m.config import LwM2MSettings
from tests.support import events, sessions, trust
from tests.support.captures import captures
from tests.support.line import line
from tests.support.peer import Peer, peer
from tests.support.polling import until

pytestmark = pytest.mark.integration

ACCOUNT = AccountId("a" * 32)
LINKS = b"</1/0>,</3/0/9>;obs"
LINK_FORMAT = ((int(Option.CONTENT_FORMAT), b"\x28"),)
QUERIES = ("ep=kitchen", "lt=300", "lwm2m=1.1", "b=U")
IZUMA = ("ep=kitchen", "lt=7200", "lwm2m=1.0", f"aid={ACCOUNT}", "mccv=4.13.2")
PORTS = dict.fromkeys(
    (
        *("lwm2m_coap_port", "lwm2m_coap_tcp_port"),
        *("lwm2m_coaps_port", "lwm2m_coaps_tcp_port"),
    ),
    0,
)
DEVICE = names.device_id(ACCOUNT, names.parse_endpoint_name("kitchen"))


@dataclass(frozen=True, slots=True)
class Scene:
    """An edge, the bus behind it, and a device in front of it."""

    url: str
    nats: Client
    device: Peer
    probes: Probes

    async def register(
        self, queries: Sequence[str] = QUERIES, *, message_id: int | None = None
    ) -> Message:
        """Register, as the device."""
        return await self.device.ask(
            self.url,
            Code.POST,
            ("rd",),
            queries=queries,
            options=LINK_FORMAT,
            payload=LINKS,
            message_id=message_id,
        )

    async def published(self, count: int) -> list[str]:
        """Wait for so many events; return what happened."""

        async def enough() -> bool:
            return len(await events.stored(self.nats)) >= count

        await until(enough)
        return [fact.name.value for fact in await events.facts_stored(self.nats)]


@asynccontextmanager
async def edge(
    redis_url: str, nats_url: str, *, scheme: str = "coap", **changed: object
) -> AsyncIterator[tuple[str, Probes]]:
    await trust.introduce(redis_url)
    settings = LwM2MSettings(
        redis_url=redis_url,
        nats_url=nats_url,
        default_account_id=ACCOUNT,
        nosec=True,
        buckets=8,
        **PORTS,
    ).model_copy(update=changed)
    probes = Probes()
    async with service(settings, probes) as opened:
        yield opened[scheme], probes


@pytest.fixture
def device() -> Iterator[Peer]:
    with peer() as opened:
        yield opened


@pytest.fixture
async def scene(redis_url: str, nats_url: str, device: Peer) -> AsyncIterator[Scene]:
    async with (
        bus.connection(nats_url) as nats,
        edge(redis_url, nats_url) as (url, probes),
    ):
        yield Scene(url, nats, device, probes)


@pytest.mark.conforms("C-091", "B-089")
async def test_a_device_registers_updates_and_leaves_and_the_bus_hears_it(
    scene: Scene,
) -> None:
    created = await scene.register()
    assert created.code == Code.CREATED
    assert created.location[0] == "rd"
    assert created.location[1].startswith(DEVICE)
    assert created.payload == b""
    updated = await scene.device.ask(scene.url, Code.POST, created.location)
    assert updated.code == Code.CHANGED
    changed = await scene.device.ask(
        scene.url,
        Code.POST,
        created.location,
        queries=("lt=600",),
        options=LINK_FORMAT,
        payload=b"</5/0>",
    )
    assert changed.code == Code.CHANGED
    deleted = await scene.device.ask(scene.url, Code.DELETE, created.location)
    assert deleted.code == Code.DELETED
    assert await scene.published(4) == [
        "device.registered",
        "registration.updated",
        "registration.updated",
        "device.deregistered",
    ]
    facts = await events.facts_stored(scene.nats)
    assert {fact.device_id for fact in facts} == {DEVICE}
    assert await scene.probes.faults() == {}


async def test_a_captured_izuma_device_registers_in_blocks_and_updates_its_location(
    redis_url: str, nats_url: str, device: Peer
) -> None:
    blocks = [
        message.datagram
        for message in captures()["izuma-udp-bootstrap-certificate"]
        if message.sender == "device" and codec.decode(message.datagram).path == ("rd",)
    ]
    first = codec.decode(blocks[0])
    account = next(query[4:] for query in first.queries if query.startswith("aid="))
    async with (
        edge(redis_url, nats_url, default_account_id=account) as (url, _),
    ):
        for block in blocks:
            device.say(block, url)
            answer = codec.decode(await device.hear())
        assert answer.code == Code.CREATED
        name = next(query[3:] for query in first.queries if query.startswith("ep="))
        assert answer.location == (
            "rd",
            account,
            names.device_id(AccountId(account), names.parse_endpoint_name(name)),
        )
        updated = await device.ask(
            url,
            Code.POST,
            answer.location,
            queries=("et=default",),
            options=LINK_FORMAT,
        )
        assert updated.code == Code.CHANGED


@pytest.mark.conforms("C-235", "B-187", "B-228")
async def test_a_repeated_register_is_answered_the_same_by_another_edge(
    scene: Scene, redis_url: str, nats_url: str
) -> None:
    first = await scene.register(message_id=7)
    async with edge(redis_url, nats_url) as (other, _):
        again = await scene.device.ask(
            other,
            Code.POST,
            ("rd",),
            queries=QUERIES,
            options=LINK_FORMAT,
            payload=LINKS,
            message_id=7,
        )
        updated = await scene.device.ask(other, Code.POST, first.location)
    assert again.location == first.location
    assert updated.code == Code.CHANGED
    assert await scene.published(2) == ["device.registered", "registration.updated"]


@pytest.mark.parametrize("code", [Code.POST, Code.DELETE])
async def test_what_is_not_registered_is_not_found(scene: Scene, code: Code) -> None:
    location = ("rd", names.new_registration_id(DEVICE))
    answer = await scene.device.ask(scene.url, code, location)
    assert answer.code == Code.NOT_FOUND


async def test_an_operation_too_many_is_held_and_says_for_how_long(
    scene: Scene,
) -> None:
    created = await scene.register()
    for _ in range(9):
        updated = await scene.device.ask(scene.url, Code.POST, created.location)
        assert updated.code == Code.CHANGED
    held = await scene.device.ask(scene.url, Code.POST, created.location)
    assert held.code == Code.TOO_MANY_REQUESTS
    assert 1 <= (held.number(Option.MAX_AGE) or 0) <= 60
    facts = await scene.published(11)
    assert facts[-1] == "registration.refused"


async def test_a_held_izuma_device_hears_nothing(scene: Scene) -> None:
    for _ in range(10):
        assert (await scene.register(IZUMA)).code == Code.CREATED
    scene.device.say(
        scene.device.request(
            Code.POST, ("rd",), queries=IZUMA, options=LINK_FORMAT, payload=LINKS
        ),
        scene.url,
    )
    assert (await scene.published(11))[-1] == "registration.refused"
    assert await scene.device.hears_nothing(scene.url)


async def test_garbage_leaves_the_edge_as_it_was(scene: Scene) -> None:
    for datagram in (b"", b"\xff", b"\x00" * 1_400, bytes(range(256)) * 200):
        scene.device.say(datagram, scene.url)
    assert await scene.device.hears_nothing(scene.url)
    assert (await scene.register()).code == Code.CREATED


@pytest.mark.conforms("C-097", "B-227", "Anjay register")
async def test_while_redis_is_away_standard_devices_are_told_to_wait(
    redis_url: str, nats_url: str, device: Peer
) -> None:
    async with (
        line(redis_url) as (way, url_of_redis),
        edge(url_of_redis, nats_url) as (url, probes),
        bus.connection(nats_url) as nats,
    ):
        scene = Scene(url, nats, device, probes)
        way.cut()
        answer = await scene.register(message_id=7)
        assert answer.code == Code.SERVICE_UNAVAILABLE
        assert answer.number(Option.MAX_AGE)
        assert "redis" in await probes.faults()
        izuma = device.request(
            Code.POST, ("rd",), queries=IZUMA, options=LINK_FORMAT, payload=LINKS
        )
        device.say(izuma, url)
        assert await device.hears_nothing(url)
        way.mend()
        assert (await scene.register(message_id=7)).code == Code.CREATED
        assert await scene.published(1) == ["device.registered"]


@pytest.mark.conforms("C-237", "B-186", "B-187")
async def test_while_nats_is_away_devices_go_on_and_no_event_is_lost(
    redis_url: str, nats_url: str, device: Peer
) -> None:
    async with (
        line(nats_url) as (way, url_of_nats),
        edge(redis_url, url_of_nats) as (url, probes),
        bus.connection(nats_url) as nats,
    ):
        scene = Scene(url, nats, device, probes)
        way.cut()
        created = await scene.register()
        assert created.code == Code.CREATED
        updated = await device.ask(url, Code.POST, created.location)
        assert updated.code == Code.CHANGED
        assert await events.stored(nats) == []
        way.mend()
        assert await scene.published(2) == ["device.registered", "registration.updated"]


async def test_what_is_left_of_a_closing_edge_is_published(
    redis_url: str, nats_url: str, device: Peer
) -> None:
    async with bus.connection(nats_url) as nats:
        async with edge(redis_url, nats_url) as (url, probes):
            scene = Scene(url, nats, device, probes)
            created = await scene.register()
            await scene.published(1)
            await device.ask(url, Code.POST, created.location)
        assert len(await events.stored(nats)) == 2


async def test_without_nosec_only_secured_ports_are_open(
    redis_url: str, nats_url: str
) -> None:
    await trust.introduce(redis_url)
    settings = LwM2MSettings(
        redis_url=redis_url, nats_url=nats_url, default_account_id=ACCOUNT, **PORTS
    )
    async with service(settings, Probes()) as opened:
        assert sorted(opened) == ["coaps", "coaps+tcp"]


async def enqueue(redis_url: str, request: str = "1") -> EdgeId:
    """Ask the device for a value; return the edge that has it."""
    asked = DeviceRequest(
        *(request * 32, "key", "mine", Method.GET, "/3/0/9"), expires_at=2**45
    )
    async with sessions.edge(redis_url) as store:
        queue = RequestQueue(store.redis, store.sessions)
        outcome = await queue.enqueue(ACCOUNT, DEVICE, asked)
    return EdgeId(outcome.edge)


async def ask(scene: Scene, redis_url: str, request: str = "1") -> None:
    """Ask the device for a value, and tell the edge that has it, once that listens."""
    poke = subjects.poke(await enqueue(redis_url, request))

    async def told() -> bool:
        try:
            answer = await scene.nats.request(poke, DEVICE.encode(), timeout=5)
        except NoRespondersError:
            return False
        assert answer.data == subjects.HERE
        return True

    await until(told)


@pytest.mark.conforms("C-124", "B-172")
async def test_a_request_is_delivered_as_soon_as_the_edge_is_poked(
    scene: Scene, redis_url: str
) -> None:
    await scene.register()
    await ask(scene, redis_url)
    request = codec.decode(await scene.device.hear())
    assert (request.code, request.path) == (Code.GET, ("3", "0", "9"))
    answer = Message(
        Type.ACK, Code.CONTENT, request.message_id, request.token, payload=b"95"
    )
    scene.device.say(codec.encode(answer), scene.url)
    assert (await scene.published(2))[-1] == "request.completed"


@pytest.mark.conforms("C-122", "B-172")
async def test_after_a_restart_a_device_is_asked_where_it_was_heard_last(
    redis_url: str, nats_url: str, device: Peer
) -> None:
    async with bus.connection(nats_url) as nats:
        async with edge(redis_url, nats_url) as (url, probes):
            await Scene(url, nats, device, probes).register()
        await enqueue(redis_url)
        async with edge(redis_url, nats_url) as (url, _):
            request = codec.decode(await device.hear())
            assert (request.code, request.path) == (Code.GET, ("3", "0", "9"))
            device.say(codec.encode_empty(Type.RST, request.message_id), url)


@pytest.mark.conforms("C-124", "C-172", "R-91")
async def test_over_a_connection_it_is_asked_told_and_lost(
    redis_url: str, nats_url: str, device: Peer
) -> None:
    async with (
        bus.connection(nats_url) as nats,
        edge(redis_url, nats_url, scheme="coap+tcp") as (url, probes),
    ):
        port = urlsplit(url).port
        scene = Scene(url, nats, device, probes)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        connection = Connection(reader, writer)
        connection.say(Frame(Signal.CSM, b"", b""))
        register = codec.decode(
            device.request(
                Code.POST,
                ("rd",),
                queries=QUERIES,
                options=LINK_FORMAT,
                payload=LINKS,
            )
        )
        connection.say(frame(register))
        assert (await connection.hear(Code.CREATED)).code == Code.CREATED
        await ask(scene, redis_url)
        asked = await connection.hear(Code.GET)
        observed = Message(Type.NON, Code.CONTENT, 0, b"\x0a", ((6, b"\x01"),), b"1")
        connection.say(frame(observed))  # nobody observes that; it is no end
        connection.say(Frame(Code.CONTENT, asked.token, b"\xff95"))
        await scene.published(2)
        await ask(scene, redis_url, "2")
        await connection.hear(Code.GET)
        writer.close()
        await scene.published(3)
        *_, first, second = await events.facts_stored(nats)
        assert isinstance(first, RequestCompleted)
        assert isinstance(second, RequestCompleted)
        assert (first.outcome, second.outcome) == ("answered", "disconnected")


def frame(message: Message) -> Frame:
    """Leave out of a message what a connection makes needless."""
    encoded = codec.encode(message)
    rest = codec.HEADER_LENGTH + len(message.token)
    return Frame(message.code, message.token, encoded[rest:])


@dataclass
class Connection:
    """A connection to the edge, frame by frame (RFC 8323)."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: bytes = b""

    def say(self, told: Frame) -> None:
        self.writer.write(frames.build(told))

    async def hear(self, code: Code) -> Frame:
        """Wait for a frame with a code; others are passed over."""
        async with asyncio.timeout(10):
            while True:
                found = frames.parse(self.received)
                if found is None:
                    self.received += await self.reader.read(4_096)
                    continue
                told, end = found
                self.received = self.received[end:]
                if told.code == code:
                    return told
