"""The listener of the lwm2m edge: batches, and what does not fit into them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from homeport.coap import codec
from homeport.coap.codec import Code, Option
from homeport.coap.udp import UdpTransport
from homeport.names import AccountId
from homeport.runtime import addresses
from services.lwm2m.asked import Scene
from services.lwm2m.coap import Listener
from tests.support.lwm2m_edge import place
from tests.support.peer import Peer, peer
from tests.support.polling import until
from tests.support.sessions import ACCOUNT, BUCKETS, Edge, edge

pytestmark = pytest.mark.integration

LINK_FORMAT = ((int(Option.CONTENT_FORMAT), b"\x28"),)


@asynccontextmanager
async def listening(
    store: Edge, *, batch: int = 256, backlog: int = 8_192, late: float = 0
) -> AsyncIterator[str]:
    """Run a listener; ``late`` seconds pass before it reads a datagram."""
    transport = UdpTransport.bind("127.0.0.1", 0, reuse_port=True)
    listener = Listener(
        transport,
        store.sessions,
        Scene(AccountId(ACCOUNT), BUCKETS),
        place(store),
        batch=batch,
        backlog=backlog,
        recorded=lambda _: None,
    )
    transport.start(
        lambda arrivals, arrived: listener.receive(arrivals, arrived - late)
    )
    serving = asyncio.create_task(listener.run())
    yield addresses.url("coap", "127.0.0.1", transport.address[1])
    transport.stop()
    listener.close()
    await serving
    transport.close()


@pytest.fixture
def device() -> Iterator[Peer]:
    with peer() as opened:
        yield opened


def register(device: Peer, name: str, message_id: int) -> bytes:
    return device.request(
        Code.POST,
        ("rd",),
        queries=(f"ep={name}", "lt=60", "lwm2m=1.1"),
        options=LINK_FORMAT,
        payload=b"</3/0>",
        message_id=message_id,
    )


async def test_what_arrives_together_is_answered_in_order(
    redis_url: str, device: Peer
) -> None:
    async with (
        edge(redis_url) as store,
        listening(store, batch=7) as url,
    ):
        for number in range(40):
            device.say(register(device, f"device-{number}", number), url)
        heard = [int.from_bytes((await device.hear())[2:4], "big") for _ in range(40)]
        assert heard == list(range(40))


async def test_a_backlog_that_is_full_leaves_the_rest_to_be_repeated(
    redis_url: str, device: Peer
) -> None:
    async with edge(redis_url) as store, listening(store, backlog=3) as url:
        for number in range(10):
            device.say(register(device, f"device-{number}", number), url)
        first = {(await device.hear())[3] for _ in range(3)}
        missing = set(range(10)) - first
        for number in sorted(missing):
            device.say(register(device, f"device-{number}", number), url)
            assert (await device.hear())[1] in (Code.CREATED, Code.CHANGED)


async def test_what_waited_too_long_changes_nothing(
    redis_url: str, device: Peer
) -> None:
    before = stale()

    async def seen() -> bool:
        return stale() > before

    async with edge(redis_url) as store, listening(store, late=6) as url:
        device.say(register(device, "kitchen", 7), url)
        await until(seen)
        assert await store.facts() == []
    async with edge(redis_url) as store, listening(store) as url:
        device.say(register(device, "kitchen", 7), url)
        assert (await device.hear())[1] == Code.CREATED


def stale() -> float:
    """Count the operations that had waited too long."""
    name, labels = "homeport_lwm2m_operations_total", {"result": "stale"}
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_deltas_that_meet_are_merged_one_after_the_other(
    redis_url: str, device: Peer
) -> None:
    queries = ("ep=kitchen", "lt=60", f"aid={ACCOUNT}", "mccv=4.13.2")
    async with edge(redis_url) as store, listening(store) as url:
        created = await device.ask(
            url,
            Code.POST,
            ("rd",),
            queries=queries,
            options=LINK_FORMAT,
            payload=b"</3/0>",
        )
        for number in range(4):
            link = f"</10/{number}>".encode()
            device.say(
                device.request(
                    Code.POST, created.location, options=LINK_FORMAT, payload=link
                ),
                url,
            )
        assert {(await device.hear())[1] for _ in range(4)} == {Code.CHANGED}
        *_, last = await store.facts()
        paths = {resource.path for resource in getattr(last, "resources", ())}
        assert paths == {"/3/0", "/10/0", "/10/1", "/10/2", "/10/3"}


@pytest.mark.conforms("C-233", "RFC 9175 §2.4", "B-219")
async def test_who_may_be_somebody_else_is_asked_before_a_long_answer(
    redis_url: str, device: Peer
) -> None:
    def shortest(*options: tuple[int, bytes]) -> bytes:
        return device.request(
            Code.POST, ("rd",), queries=("ep=x",), options=options, payload=b"</3>"
        )

    async with edge(redis_url) as store, listening(store) as url:
        device.say(shortest(), url)
        challenge = codec.decode(await device.hear())
        assert challenge.code == Code.UNAUTHORIZED
        value = challenge.value(Option.ECHO)
        assert value is not None
        device.say(shortest((int(Option.ECHO), value)), url)
        assert codec.decode(await device.hear()).code == Code.CREATED
