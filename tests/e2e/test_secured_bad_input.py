"""Whatever is thrown at secured ports: memory stays flat, the next device gets in."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from urllib.parse import urlsplit

import pytest

from homeport.coap.codec import Code
from homeport.dtls.records import ContentType
from tests.support import customer
from tests.support.background import Background
from tests.support.polling import until
from tests.support.secured_device import secured_device
from tests.support.secured_peer import secured_peer, with_cid
from tests.support.servers import folder
from tests.support.system import Application, System, system

pytestmark = pytest.mark.e2e

HALF_OPEN = 96
HALF_OPEN_PER_HOST = 64
HANDSHAKE_SECONDS = 2
HELLOS = 3_000
DATAGRAMS = 3_000
CONNECTIONS = 50
NO_HELLOS = (b"\x16\x03\x01\x00\x80\x01", b"GET / HTTP/1.1\r\n\r\n")
ROUNDS = 3
HANDSHAKE_BYTES = 64 * 1024
GROWTH_BYTES = 4 * 2**20
ELSEWHERE = "127.0.0.2"

Flood = Callable[[System], Awaitable[None]]


@pytest.fixture(scope="module")
def narrow(elsewhere: Background) -> Iterator[System]:
    """A platform that lets few shake hands at once, and not for long."""
    settings = {
        "HOMEPORT_HALF_OPEN_HANDSHAKES": HALF_OPEN,
        "HOMEPORT_HALF_OPEN_HANDSHAKES_PER_HOST": HALF_OPEN_PER_HOST,
        "HOMEPORT_HANDSHAKE_SECONDS": HANDSHAKE_SECONDS,
    }
    environment = {name: str(value) for name, value in settings.items()}
    with folder() as data, elsewhere.entered(system(data, **environment)) as serving:
        yield serving
        assert serving.faults() == []


@pytest.fixture
async def application(narrow: System) -> AsyncIterator[Application]:
    """An application that is told of the honest devices."""
    async with narrow.application() as opened:
        yield opened


def memory(serving: System) -> int:
    """Return how many bytes of memory the lwm2m edge holds."""
    return serving.memory("lwm2m")


async def half_open(serving: System) -> float:
    return sum((await serving.metric("lwm2m", "homeport_dtls_half_open")).values())


async def dropped(serving: System, reason: str) -> float:
    counts = await serving.metric("lwm2m", "homeport_dtls_dropped_total", reason=reason)
    return sum(counts.values())


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


async def gets_in(
    serving: System, application: Application, *, host: str = "127.0.0.1"
) -> None:
    """Check that an honest device comes home."""
    key = customer.new_key(f"honest-{secrets.token_hex(8)}")
    name = key.identity.decode()
    await customer.register_key(application.api, key)
    with secured_device(serving.secured_lwm2m, name, key, host=host) as device:
        await device.come_home()
        assert await device.update() == Code.CHANGED
    await application.until_told(name, "registrations", "reg-updates")


async def hellos(serving: System) -> None:
    """Say hello again and again, and never bring the cookie."""
    with secured_peer(address(serving.secured_lwm2m)) as peer:
        (datagram,) = peer.begin().datagrams()
        for _ in range(HELLOS):
            peer.say_datagram(datagram)
            await asyncio.sleep(0)
        await peer.hear_datagram()


async def garbage(serving: System) -> None:
    """Say what is cut or garbled, and records of associations that are none."""
    chance = random.Random(7)
    real = await flights(serving)
    with secured_peer(address(serving.secured_lwm2m)) as peer:
        for number in range(DATAGRAMS):
            datagram = bytearray(chance.choice(real))
            match number % 4:
                case 0:
                    del datagram[chance.randrange(len(datagram)) :]
                case 1:
                    at = chance.randrange(len(datagram))
                    datagram[at] ^= 1 << chance.randrange(8)
                case 2:
                    datagram[:] = chance.randbytes(chance.randrange(1_400))
                case _:
                    datagram[:] = stray(chance)
            peer.say_datagram(bytes(datagram))
            await asyncio.sleep(0)


async def flights(serving: System) -> list[bytes]:
    """Return what a device says in a handshake; its key is a wrong one."""
    with secured_peer(address(serving.secured_lwm2m)) as peer:
        handshake = await peer.knock(with_cid())
        await peer.step(handshake)
        peer.say_flight(handshake)
        return peer.sent


def stray(chance: random.Random) -> bytes:
    """Make a record with a connection id that nobody has been given."""
    fragment = chance.randbytes(40)
    head = bytes([ContentType.CID]) + b"\xfe\xfd\x00\x01" + chance.randbytes(6)
    return head + chance.randbytes(8) + len(fragment).to_bytes(2, "big") + fragment


async def broken_streams(serving: System) -> None:
    """Open connections to the TLS port that break off, or speak another language."""
    host, port = address(serving.tls_lwm2m)
    for number in range(CONNECTIONS):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            (b"\x16\x03\x01\x00\x80\x01", b"GET / HTTP/1.1\r\n\r\n")[number % 2]
        )
        writer.write_eof()
        async with asyncio.timeout(20):
            await reader.read()
        writer.close()


async def knocks(serving: System) -> None:
    """Begin more handshakes than one host may, and go on with none of them."""
    with ExitStack() as stack:
        server = address(serving.secured_lwm2m)
        peers = [
            stack.enter_context(secured_peer(server))
            for _ in range(HALF_OPEN_PER_HOST * 3 // 2)
        ]
        full = await dropped(serving, "full")
        await asyncio.gather(*(peer.knock() for peer in peers))

        async def is_full() -> bool:
            return await dropped(serving, "full") >= full + HALF_OPEN_PER_HOST // 2

        await until(is_full)
        await until(partial(half_open, serving))
        assert await half_open(serving) <= HALF_OPEN_PER_HOST


async def none_half_open(serving: System) -> None:
    async def none() -> bool:
        return not await half_open(serving)

    await until(none)


@pytest.mark.parametrize("flood", [hellos, garbage, broken_streams, knocks])
async def test_a_flood_leaves_nothing_behind(
    narrow: System, application: Application, flood: Flood
) -> None:
    await flood(narrow)
    await none_half_open(narrow)
    before = memory(narrow)
    for _ in range(ROUNDS - 1):
        await flood(narrow)
        await none_half_open(narrow)
    assert memory(narrow) - before < GROWTH_BYTES
    await gets_in(narrow, application)


async def test_while_one_host_has_all_its_handshakes_others_get_in(
    narrow: System, application: Application
) -> None:
    before = memory(narrow)
    await knocks(narrow)
    assert memory(narrow) - before < HALF_OPEN_PER_HOST * HANDSHAKE_BYTES
    await gets_in(narrow, application, host=ELSEWHERE)
    assert await half_open(narrow) > 0
    await none_half_open(narrow)
    await gets_in(narrow, application)
