"""Who comes in: with a cookie, once, and whatever the line loses."""

import asyncio
import random
from collections.abc import Iterable
from contextlib import ExitStack

import pytest

from homeport.coap.udp import Address
from homeport.dtls import messages, records
from homeport.dtls.association import Association
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey, ServerContext
from homeport.dtls.course import Established
from homeport.dtls.gate import Gate
from homeport.dtls.half_open import Limits
from homeport.dtls.messages import HandshakeType
from homeport.dtls.openssl import questions
from homeport.runtime.tasks import end
from tests.support import hellos
from tests.support.dtls import house
from tests.support.handshakes import Line, straight, troubled
from tests.support.polling import until
from tests.support.secured import Trusting, port
from tests.support.secured_peer import KEY, NO_IDS, secured_peer, with_cid

pytestmark = pytest.mark.integration

HERE = ("127.0.0.1", 50_000)


class LateSecrets:
    """The secrets of cookies, which are not there before they are ``there``."""

    def __init__(self) -> None:
        self.there = asyncio.Event()

    async def current(self) -> tuple[bytes, ...]:
        await self.there.wait()
        return (b"secret",)


def losing(*numbers: int) -> Line:
    """Make a line that loses some of its datagrams, told by their number."""
    passing = iter(range(1_000))

    def passed(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        return [] if next(passing) in numbers else straight(datagram)

    return passed


@pytest.mark.conforms("C-045", "RFC 6347 §4.2.1")
async def test_a_hello_without_cookie_leaves_nothing_behind(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            before = questions.living()
            for number in range(100):
                hello = hellos.body(random=number.to_bytes(32))
                device.say_datagram(hellos.datagram(hello))
            for _ in range(100):
                (record,) = records.parse(await device.hear_datagram(), 0)
                assert record.fragment[0] == messages.HandshakeType.HELLO_VERIFY_REQUEST
            assert here.half_open() == 0
            assert questions.living() == before


@pytest.mark.conforms("C-046", "RFC 6347 §4.2.1")
async def test_a_cookie_from_another_address_gets_a_new_one(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            stolen = device.sent[-1]
            with secured_peer(here.address) as thief:
                thief.say_datagram(stolen)
                (record,) = records.parse(await thief.hear_datagram(), 0)
                assert record.fragment[0] == messages.HandshakeType.HELLO_VERIFY_REQUEST
            assert here.half_open() == 1


async def test_a_repeated_hello_makes_no_second_handshake(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            handshake = await device.knock()
            before = questions.living()
            for _ in range(3):
                device.say_datagram(device.sent[-1])
            assert isinstance(await device.finish(handshake), Established)
            assert questions.living() == before - 1
            assert await device.ask(b"here") == b"here"


async def test_a_hello_that_comes_after_its_handshake_is_nothing_new(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            device.say_datagram(device.sent[1])
            assert await device.hears_nothing()
            assert here.half_open() == 0


async def test_a_device_that_begins_anew_is_one_handshake(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await device.hear_datagram()
            assert isinstance(await device.shake_hands(), Established)
            assert await device.ask(b"here") == b"here"
            assert here.half_open() == 0


@pytest.mark.usefixtures("_hurried")
@pytest.mark.conforms("C-058", "RFC 6347 §4.2.8")
async def test_a_hello_ends_no_association_before_its_handshake_is_done(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            assert await device.ask(b"before") == b"before"
            anew = await device.knock()
            await here.has_half_open(1)
            assert await device.ask(b"meanwhile") == b"meanwhile"
            old = device.seal(b"too late")
            assert isinstance(await device.finish(anew), Established)
            device.say_datagram(old)
            assert await device.ask(b"after") == b"after"
            assert here.messages() == [b"before", b"meanwhile", b"after"]
            first, *_, last = [arrival.peer.origin for arrival in here.heard]
            assert first.association < last.association


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("offer", [NO_IDS, with_cid(cid=b"mine")])
@pytest.mark.conforms("C-059", "RFC 6347 §4.2.4")
async def test_a_last_flight_that_was_lost_is_sent_again(
    redis_url: str, offer: Offer
) -> None:
    async with port(redis_url, Trusting()) as here:
        # the cookie, our flight, and the last one
        with secured_peer(here.address, inward=losing(2)) as device:
            assert isinstance(await device.shake_hands(KEY, offer), Established)
            assert await device.ask(b"here") == b"here"
            assert len(here.heard) == 1


@pytest.mark.usefixtures("_hurried")
async def test_a_last_flight_of_a_resumed_handshake_that_was_lost_is_sent_again(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address, outward=losing(5)) as device:
            first = await device.shake_hands()
            assert isinstance(first, Established)
            assert first.session is not None
            again = await device.shake_hands(KEY, Offer(session=first.session[1]))
            assert isinstance(again, Established)
            assert again.resumed
            assert await device.ask(b"here") == b"here"


@pytest.mark.usefixtures("_hurried")
@pytest.mark.conforms("C-060", "RFC 6347 §4.2.4")
async def test_a_hundred_handshakes_complete_over_a_line_that_loses(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with ExitStack() as stack:
            lines = [
                (
                    troubled(random.Random(2 * seed)),
                    troubled(random.Random(2 * seed + 1)),
                )
                for seed in range(100)
            ]
            devices = [
                stack.enter_context(
                    secured_peer(here.address, outward=outward, inward=inward)
                )
                for outward, inward in lines
            ]
            offers = [NO_IDS, with_cid(cid=b"mine")]
            results = await asyncio.gather(
                *(
                    device.shake_hands(KEY, offers[number % 2])
                    for number, device in enumerate(devices)
                )
            )
            assert all(isinstance(result, Established) for result in results)


async def test_a_session_is_resumed_at_another_edge(redis_url: str) -> None:
    trust = Trusting()
    async with port(redis_url, trust) as here, port(redis_url, trust) as there:
        with secured_peer(here.address) as device:
            first = await device.shake_hands()
            assert isinstance(first, Established)
            assert first.session is not None
            device.address = there.address
            again = await device.shake_hands(
                KEY, Offer(cid=b"", session=first.session[1])
            )
            assert isinstance(again, Established)
            assert again.resumed
            assert await device.ask(b"there") == b"there"
            assert len(trust.asked) == 1
            assert there.heard[0].peer.origin.identity.name == "psk:device"


@pytest.mark.conforms("C-220", "CVE-2022-2576")
async def test_a_session_is_looked_up_only_for_a_good_cookie(redis_url: str) -> None:
    trust = Trusting()
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            hello = hellos.body(session_id=b"s" * 32, cookie=b"c" * 32)
            device.say_datagram(hellos.datagram(hello, message=1))
            (record,) = records.parse(await device.hear_datagram(), 0)
            assert record.fragment[0] == messages.HandshakeType.HELLO_VERIFY_REQUEST
            assert here.half_open() == 0


async def test_many_who_knock_at_once_all_come_in(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with ExitStack() as stack:
            devices = [
                stack.enter_context(secured_peer(here.address)) for _ in range(50)
            ]
            await asyncio.gather(*(device.shake_hands() for device in devices))
            answers = await asyncio.gather(*(each.ask(b"here") for each in devices))
            assert answers == [b"here"] * 50
            assert here.half_open() == 0


@pytest.mark.parametrize(
    "credential",
    [KEY, house().device],
    ids=["psk", "certificate"],
)
async def test_nothing_of_openssl_is_left_of_a_handshake(
    redis_url: str, credential: DeviceKey | CertifiedKey
) -> None:
    trust = Trusting(anchors=[house().authority.der])
    before = questions.living()
    async with port(redis_url, trust, certified=house().server) as here:
        with secured_peer(here.address) as device:
            result = await device.shake_hands(credential)
            assert isinstance(result, Established)
            assert isinstance(result.association, Association)
            assert await device.ask(b"here") == b"here"
            assert questions.living() == before


async def test_who_comes_before_the_secrets_of_cookies_waits_for_them() -> None:
    sent: list[tuple[bytes, Address]] = []
    secrets = LateSecrets()
    gate = Gate(
        ServerContext(None),
        trust=Trusting(),
        cookie_secrets=secrets,
        resumptions=None,
        limits=Limits(),
        send=sent.extend,
        established=lambda *_: None,
        refused=lambda *_: None,
    )
    serving = asyncio.create_task(gate.run())
    gate.receive(records.parse(hellos.datagram(hellos.body()), 0), HERE)
    gate.go_on()
    assert not sent
    secrets.there.set()

    async def is_answered() -> bool:
        return bool(sent)

    await until(is_answered)
    await end(serving)
    ((datagram, address),) = sent
    (record,) = records.parse(datagram, 0)
    assert record.fragment[0] == HandshakeType.HELLO_VERIFY_REQUEST
    assert address == HERE
