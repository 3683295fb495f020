"""Places for handshakes are few, and every way out gives its place back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from homeport.dtls import records
from homeport.dtls.client import DeviceKey
from homeport.dtls.course import Established, Failed
from homeport.dtls.half_open import Limits
from homeport.dtls.openssl import questions
from homeport.dtls.records import AlertLevel, ContentType
from tests.support import certificates
from tests.support.dtls import house
from tests.support.line import line
from tests.support.secured import Port, Trusting, port
from tests.support.secured_peer import (
    KEY,
    PATIENCE_SECONDS,
    STRANGER,
    WRONG_KEY,
    SecuredPeer,
    secured_peer,
)

pytestmark = pytest.mark.integration

OUTSIDER = certificates.authority("Another CA").issue("device")
CLOSE = records.alert(AlertLevel.FATAL, 80)


@pytest.mark.conforms("C-062", "CVE-2022-39368")
async def test_at_the_cap_hellos_are_dropped_and_never_refused(redis_url: str) -> None:
    limits = Limits(half_open=3)
    async with port(redis_url, Trusting(), limits=limits) as here:
        with ExitStack() as stack:
            knocking = [
                stack.enter_context(secured_peer(here.address)) for _ in range(4)
            ]
            for number, device in enumerate(knocking[:3], 1):
                (await device.knock()).close()
                await here.has_half_open(number)
            late = knocking[3]
            handshake = await late.knock()
            assert await late.hears_nothing()
            assert here.half_open() == 3
            knocking[0].say_datagram(records.build(ContentType.ALERT, 0, 9, CLOSE))
            await here.has_half_open(2)
            late.say_datagram(late.sent[-2])
            assert isinstance(await late.finish(handshake), Established)


async def test_one_host_takes_no_more_than_its_share(redis_url: str) -> None:
    limits = Limits(half_open_per_host=1)
    async with port(redis_url, Trusting(), limits=limits) as here:
        with (
            secured_peer(here.address) as first,
            secured_peer(here.address) as second,
            secured_peer(here.address, host="127.0.0.2") as elsewhere,
        ):
            (await first.knock()).close()
            await here.has_half_open(1)
            (await second.knock()).close()
            assert await second.hears_nothing()
            assert isinstance(await elsewhere.shake_hands(), Established)


@pytest.mark.conforms("C-062", "CVE-2022-39368")
async def test_an_alert_gives_the_place_back(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            device.say_datagram(records.build(ContentType.ALERT, 0, 9, CLOSE))
            await here.has_half_open(0)
            assert here.refused == []


@pytest.mark.conforms("C-062", "CVE-2022-39368")
async def test_silence_gives_the_place_back(redis_url: str) -> None:
    before = questions.living()
    async with port(redis_url, Trusting(), limits=Limits(seconds=0.05)) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            await here.has_half_open(0)
    assert questions.living() == before


@pytest.mark.usefixtures("_hurried")
async def test_a_trust_view_that_is_away_gives_the_place_back(redis_url: str) -> None:
    trust = Trusting(away=True)
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            handshake = await device.knock()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not trust.asked:
                    await device.step(handshake)
                    device.say_flight(handshake)
            handshake.close()
            await here.has_half_open(0)
            assert device.alerts == []
            trust.away = False
            assert isinstance(await device.shake_hands(), Established)


@pytest.mark.usefixtures("_hurried")
async def test_a_store_that_is_away_lets_nobody_in_and_gives_the_place_back(
    redis_url: str,
) -> None:
    async with line(redis_url) as (way, url), port(url, Trusting()) as here:
        with secured_peer(here.address) as device:
            handshake = await device.knock()
            await here.has_half_open(1)
            way.cut()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while here.half_open():
                    device.say_flight(handshake)
                    await device.step(handshake)
            handshake.close()
            assert handshake.result is None
            assert here.refused == []
            way.mend()
            assert isinstance(await device.shake_hands(), Established)


async def test_closing_gives_up_what_is_under_way(redis_url: str) -> None:
    before = questions.living()
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            here.transport.stop()
            assert here.half_open() == 0
            assert questions.living() == before


async def test_at_the_end_nothing_begins_and_what_is_under_way_goes_on(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device, secured_peer(here.address) as late:
            handshake = await device.knock()
            await here.has_half_open(1)
            settling = asyncio.create_task(here.transport.settle(seconds=10))
            (await late.knock()).close()
            assert isinstance(await device.finish(handshake), Established)
            await settling
            assert here.half_open() == 0
            device.say(b"still here")
            assert await device.hear() == b"still here"


async def test_at_the_end_nobody_waits_long_for_who_is_silent(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            await here.transport.settle(seconds=0.05)
            assert here.half_open() == 1


async def falls_silent(here: Port, device: SecuredPeer) -> None:
    (await device.knock()).close()
    await here.has_half_open(0)


async def says_goodbye(here: Port, device: SecuredPeer) -> None:
    (await device.knock()).close()
    device.say_datagram(records.build(ContentType.ALERT, 0, 9, CLOSE))


async def has_a_wrong_key(_: Port, device: SecuredPeer) -> None:
    await proves_nothing(device, WRONG_KEY)


async def is_unknown(_: Port, device: SecuredPeer) -> None:
    await proves_nothing(device, STRANGER)


async def is_of_another_authority(_: Port, device: SecuredPeer) -> None:
    assert isinstance(await device.shake_hands(OUTSIDER), Failed)


async def proves_nothing(device: SecuredPeer, credential: DeviceKey) -> None:
    """Send a whole flight that proves nothing, and wait no longer."""
    handshake = device.begin(credential)
    for _ in range(2):
        device.say_flight(handshake)
        await device.step(handshake)
    device.say_flight(handshake)
    handshake.close()


@pytest.mark.conforms("C-221", "C-218", "CVE-2022-39368", "CVE-2020-27222")
@pytest.mark.parametrize(
    ("times", "at_once"),
    [(2, 20), pytest.param(50, 200, marks=pytest.mark.soak)],
    ids=["few", "many"],
)
@pytest.mark.parametrize(
    ("fails", "patience"),
    [
        (falls_silent, 0.3),
        (has_a_wrong_key, 0.3),
        (is_unknown, 0.3),
        (says_goodbye, 30),
        (is_of_another_authority, 30),
    ],
)
async def test_however_many_handshakes_fail_there_is_room_for_as_many_as_before(
    redis_url: str,
    fails: Callable[[Port, SecuredPeer], Awaitable[None]],
    patience: float,
    times: int,
    at_once: int,
) -> None:
    made = house()
    trust = Trusting(anchors=[made.authority.der])
    limits = Limits(half_open=at_once, half_open_per_host=at_once, seconds=patience)
    before = questions.living()

    async def fail() -> None:
        with secured_peer(here.address) as device:
            await fails(here, device)

    async with port(redis_url, trust, certified=made.server, limits=limits) as here:
        for _ in range(times):
            await asyncio.gather(*(fail() for _ in range(at_once)))
            await here.has_half_open(0)
        assert questions.living() == before
        for credential in (made.device, KEY) * 2:
            with secured_peer(here.address) as device:
                assert isinstance(await device.shake_hands(credential), Established)
