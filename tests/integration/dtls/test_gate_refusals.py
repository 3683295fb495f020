"""Who does not come in, what it hears of that, and what is told of it."""

import asyncio
from collections.abc import Iterable, Sequence

import pytest

from homeport.dtls import records
from homeport.dtls.client import Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Established, Failed
from homeport.dtls.half_open import Limits
from homeport.dtls.openssl import questions
from homeport.dtls.suites import SUITES, Suite
from tests.support import certificates
from tests.support.dtls import house
from tests.support.polling import until
from tests.support.secured import Port, Trusting, port
from tests.support.secured_peer import KEY, STRANGER, WRONG_KEY, secured_peer

pytestmark = pytest.mark.integration

BRIEF = Limits(seconds=0.25)


def shapes(datagrams: Iterable[bytes]) -> list[tuple[int, int, int]]:
    """Say of each record what an onlooker sees."""
    return [
        (record.kind, record.epoch, len(record.fragment))
        for datagram in datagrams
        for record in records.parse(datagram, 0)
    ]


async def expects_one_refusal(here: Port) -> str:
    async def is_told() -> bool:
        return bool(here.refused)

    await until(is_told)
    (refusal,) = here.refused
    return refusal.reason


async def refused(redis_url: str, trust: Trusting, credential: CertifiedKey) -> str:
    """Let a certificate be refused, with an alert where the view wants it; say why."""
    server = house().server
    async with port(redis_url, trust, certified=server, limits=BRIEF) as here:
        with secured_peer(here.address) as device:
            shaking = asyncio.create_task(device.shake_hands(credential))
            reason = await expects_one_refusal(here)
            await here.has_half_open(0)
            if trust.alerts:
                assert isinstance(await shaking, Failed)
            assert bool(device.alerts) is trust.alerts
            shaking.cancel()
    return reason


@pytest.mark.usefixtures("_hurried")
@pytest.mark.conforms("C-037", "ETS-401", "B-063")
async def test_a_wrong_key_and_an_unknown_identity_look_the_same(
    redis_url: str,
) -> None:
    heard = []
    for credential in (WRONG_KEY, STRANGER):
        async with port(redis_url, Trusting(), limits=BRIEF) as here:
            with secured_peer(here.address) as device:
                handshake = device.begin(credential)
                device.say_flight(handshake)
                async with asyncio.timeout(5):
                    while not here.refused or here.half_open():
                        await device.step(handshake)
                        device.say_flight(handshake)
                assert handshake.give_up() is handshake.result
                heard.append(set(shapes(device.heard)))
                assert device.alerts == []
    assert heard[0] == heard[1]


async def test_a_wrong_key_is_on_the_record_with_its_endpoint(redis_url: str) -> None:
    async with port(redis_url, Trusting(), limits=BRIEF) as here:
        with secured_peer(here.address) as device:
            shaking = asyncio.create_task(device.shake_hands(WRONG_KEY))
            assert await expects_one_refusal(here) == "the keys differ"
            (refusal,) = here.refused
            assert refusal.endpoint_name == "device"
            await here.has_half_open(0)
            shaking.cancel()


@pytest.mark.parametrize("alerting", [True, False], ids=["alert", "silence"])
@pytest.mark.conforms("C-041", "Leshan X509Test")
async def test_a_certificate_that_nobody_trusts_is_refused(
    redis_url: str,
    alerting: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    reason = await refused(redis_url, Trusting(alerts=alerting), house().device)
    assert reason == "nobody knows it"


@pytest.mark.parametrize("alerting", [True, False], ids=["alert", "silence"])
@pytest.mark.conforms("C-041", "Leshan X509Test")
async def test_a_certificate_of_another_authority_is_refused(
    redis_url: str,
    alerting: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    stranger = certificates.authority("Stranger").issue("device")
    trust = Trusting(anchors=[house().authority.der], alerts=alerting)
    assert await refused(redis_url, trust, stranger) != ""


@pytest.mark.conforms("B-167")
async def test_who_is_suspended_hears_nothing(redis_url: str) -> None:
    made = house()
    trust = Trusting(anchors=[made.authority.der], alerts=False, suspends=True)
    assert await refused(redis_url, trust, made.device) == "the device is suspended"


@pytest.mark.conforms("C-042", "B-042")
async def test_a_certificate_comes_in_after_its_authority_is_trusted(
    redis_url: str,
) -> None:
    made = house()
    trust = Trusting()
    async with port(redis_url, trust, certified=made.server) as here:
        with secured_peer(here.address) as device:
            assert isinstance(await device.shake_hands(made.device), Failed)
            trust.anchors.append(made.authority.der)
            assert isinstance(await device.shake_hands(made.device), Established)
            assert await device.ask(b"here") == b"here"
            assert here.heard[0].peer.origin.identity.name == "certificate:test"


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("suites", [SUITES, SUITES[-1:]], ids=["aead", "cbc"])
async def test_a_peer_whose_trust_ends_while_it_shakes_hands_does_not_come_in(
    redis_url: str, suites: Sequence[Suite]
) -> None:
    before = questions.living()
    trust = Trusting()
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            handshake = await device.knock(Offer(suites=suites))
            await device.step(handshake)
            trust.distrusted.add("psk:device")
            device.say_flight(handshake)
            await here.has_half_open(0)
            assert await device.hears_nothing()
            assert here.associations() == []
            assert await here.redis.keys("assoc:*") == []
            handshake.close()
    assert questions.living() == before


@pytest.mark.conforms("C-042", "B-042")
async def test_a_session_of_a_peer_that_is_trusted_no_more_is_not_resumed(
    redis_url: str,
) -> None:
    trust = Trusting()
    async with port(redis_url, trust, limits=BRIEF) as here:
        with secured_peer(here.address) as device:
            first = await device.shake_hands()
            assert isinstance(first, Established)
            assert first.session is not None
            trust.distrusted.add("psk:device")
            offer = Offer(session=first.session[1])
            handshake = await device.knock(offer)
            await device.step(handshake)
            trust.distrusted.clear()
            again = await device.finish(handshake)
            assert isinstance(again, Established)
            assert not again.resumed
            trust.distrusted.add("psk:device")
            del trust.keys[KEY.identity]
            shaking = asyncio.create_task(device.shake_hands(KEY, offer))
            assert await expects_one_refusal(here) == "nobody knows it"
            shaking.cancel()
