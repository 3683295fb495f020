"""Whatever is thrown at it, the platform says what is wrong and stays as it was."""

import asyncio
import random
from collections.abc import Iterable, Iterator
from itertools import islice
from urllib.parse import urlsplit

import httpx
import pytest

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option
from tests.support.captures import captures
from tests.support.peer import Peer, peer
from tests.support.system import CALLBACK, Application, System

pytestmark = pytest.mark.e2e

LINK_FORMAT = ((int(Option.CONTENT_FORMAT), b"\x28"),)
DATAGRAMS = 2_000
AT_ONCE = 250
GROWTH_BYTES = 16 * 2**20
DEEP = b"[" * 30_000


async def register(device: Peer, shared: System, endpoint_name: str) -> Message:
    return await device.ask(
        shared.lwm2m,
        Code.POST,
        ("rd",),
        queries=(f"ep={endpoint_name}",),
        options=LINK_FORMAT,
        payload=b"</1/0>",
    )


async def unharmed(shared: System, application: Application, name: str) -> None:
    """Check that a device still comes home, and that nothing broke on the way."""
    with peer() as device:
        begun = await device.ask(
            shared.bootstrap, Code.POST, ("bs",), queries=(f"ep={name}", "mccv=1")
        )
        assert begun.code == Code.CHANGED
    with peer() as device:
        assert (await register(device, shared, name)).code == Code.CREATED
    await application.until_told(name, "registrations")
    await application.until_state(name, "registered")
    assert shared.faults() == []


def garbage(many: int) -> Iterator[bytes]:
    """Yield what real devices said, cut or garbled, and what nobody would say."""
    chance = random.Random(7)
    real = [message.datagram for each in captures().values() for message in each]
    for _ in range(many):
        datagram = bytearray(chance.choice(real))
        match chance.randrange(3):
            case 0:
                yield bytes(datagram[: chance.randrange(len(datagram))])
            case 1:
                for _ in range(chance.randrange(1, 4)):
                    datagram[chance.randrange(len(datagram))] = chance.randrange(256)
                yield bytes(datagram)
            case _:
                yield chance.randbytes(chance.randrange(1_400))


async def says_nothing(shared: System, datagrams: Iterable[bytes]) -> None:
    """Send garbage to both edges, no faster than they read it."""
    with peer() as noise, peer() as quiet:
        for number, datagram in enumerate(datagrams):
            for url in (shared.lwm2m, shared.bootstrap):
                noise.say(datagram, url)
                if not number % AT_ONCE:
                    await quiet.hears_nothing(url)


@pytest.mark.conforms("C-224", "CVE-2019-9004", "CVE-2021-41040")
@pytest.mark.parametrize(
    "many",
    [DATAGRAMS, pytest.param(500_000, marks=pytest.mark.soak)],
    ids=["few", "a million"],
)
async def test_datagrams_that_say_nothing_harm_nobody(
    shared: System, application: Application, many: int
) -> None:
    datagrams = garbage(many)
    await says_nothing(shared, islice(datagrams, many // 4))
    before = {name: shared.memory(name) for name in ("lwm2m", "bootstrap")}
    await says_nothing(shared, datagrams)
    for name, held in before.items():
        assert shared.memory(name) - held < GROWTH_BYTES
    await unharmed(shared, application, f"after-{many}")


async def test_a_storm_of_one_device_is_held_and_no_other_notices(
    shared: System, application: Application, device: Peer
) -> None:
    name = "storm"
    location = (await register(device, shared, name)).location
    answers = [await device.ask(shared.lwm2m, Code.POST, location) for _ in range(100)]
    codes = [answer.code for answer in answers]
    assert codes[:9] == [Code.CHANGED] * 9
    assert codes[9:] == [Code.TOO_MANY_REQUESTS] * 91
    assert 0 < (answers[-1].number(Option.MAX_AGE) or 0) <= 60
    await application.until_told(name, "registrations", *["reg-updates"] * 9)
    await unharmed(shared, application, "after-storm")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "MALFORMED_JSON_CONTENT"),
        (b"\xff\xfe", "MALFORMED_JSON_CONTENT"),
        (DEEP, "MALFORMED_JSON_CONTENT"),
        (b" " * 2**21, "MALFORMED_JSON_CONTENT"),
        (b"[]", "MALFORMED_JSON_CONTENT"),
        (b'{"url": "gopher://127.0.0.1/"}', "INVALID_URL"),
        (b'{"url": "http://127.0.0.1:9/"}', "CALLBACK_NOT_ACCEPTED"),
    ],
    ids=["cut", "no text", "deep", "huge", "list", "scheme", "nobody"],
)
async def test_a_callback_that_is_none_is_refused_with_a_word(
    shared: System, application: Application, body: bytes, word: str
) -> None:
    answer = await application.api.put(
        CALLBACK, content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.text) == (400, word)
    assert (await application.read(CALLBACK))["url"] == application.webhook.url
    assert shared.faults() == []


@pytest.mark.parametrize("key", ["", "Bearer", "Bearer ak_1", "Bearer \xff", "Basic x"])
async def test_without_a_key_nothing_is_shown(
    shared: System, application: Application, key: str
) -> None:
    headers = {"authorization": key.encode("latin-1")}
    async with httpx.AsyncClient(base_url=shared.api, trust_env=False) as stranger:
        for path in ("/v3/devices/", "/v3/device-events/", CALLBACK):
            answer = await stranger.get(path, headers=headers)
            assert answer.status_code in (401, 403)
    assert shared.faults() == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/v3/", 404),
        ("/v3/devices/x/", 400),
        ("/v3/devices/%00/", 400),
        ("/v3/devices/" + "0" * 32, 404),
        ("/v3/devices/?limit=x", 400),
        ("/v3/devices/?after=%00", 404),
        ("/v3/devices/?state__eq=%00", 200),
        ("/v3/devices/?" + "state__eq=x&" * 1_000, 200),
        ("/v3/devices/?" + "x" * 60_000, 400),
    ],
)
async def test_a_call_that_makes_no_sense_is_answered(
    shared: System, application: Application, path: str, status: int
) -> None:
    answer = await application.api.get(path)
    assert answer.status_code == status
    assert shared.faults() == []


async def test_bytes_that_are_no_http_harm_nobody(
    shared: System, application: Application
) -> None:
    address = urlsplit(shared.api)
    for said in (
        b"\0" * 100,
        b"GET\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: -1\r\n",
    ):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(said + codec.encode(Message(0, Code.GET, 1)))
        writer.write_eof()
        await reader.read()
        writer.close()
    await unharmed(shared, application, "after-bytes")
