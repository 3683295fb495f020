"""A secured port on a real store: devices come, move, and change their edge."""

import pytest

from homeport.dtls.association import CidForm
from homeport.dtls.client import Offer
from homeport.dtls.course import Established
from tests.support.secured import (
    KEY,
    Trusting,
    port,
    secured_peer,
    with_cid,
)

pytestmark = pytest.mark.integration

OFFERS = {
    "without connection ids": Offer(),
    "with RFC 9146": with_cid(CidForm.RFC, b"mine"),
    "with the draft": with_cid(CidForm.DRAFT),
}
WITH_IDS = [pytest.param(OFFERS[name], id=name) for name in list(OFFERS)[1:]]
EVERY = [pytest.param(offer, id=name) for name, offer in OFFERS.items()]


@pytest.mark.parametrize("offer", EVERY)
async def test_a_device_is_heard_and_answered(redis_url: str, offer: Offer) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            assert isinstance(await device.shake_hands(KEY, offer), Established)
            assert await device.ask(b"one") == b"one"
            assert await device.ask(b"two") == b"two"
            origin = here.heard[0].peer.origin
            assert origin.identity.name == "psk:device"
            assert [each.sequence for each in here.heard] == [1, 2]


@pytest.mark.parametrize("offer", EVERY)
async def test_another_edge_goes_on_without_a_handshake(
    redis_url: str, offer: Offer
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            assert await device.ask(b"here") == b"here"
            async with port(redis_url, Trusting()) as there:
                device.address = there.address
                assert await device.ask(b"there") == b"there"
                device.address = here.address
                assert await device.ask(b"and back") == b"and back"
                assert here.messages() == [b"here", b"and back"]
                origins = [each.peer.origin for each in [*here.heard, *there.heard]]
                assert {origin.association for origin in origins} == {
                    origins[0].association
                }


@pytest.mark.parametrize("offer", WITH_IDS)
async def test_a_new_address_before_every_message_changes_nothing(
    redis_url: str, offer: Offer
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            for number in range(20):
                device.rebind()
                assert await device.ask(b"%d" % number) == b"%d" % number


async def test_a_replayed_record_is_silence_everywhere(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here, port(redis_url, Trusting()) as there:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            device.say(b"before")
            await device.hear()
            recorded = device.say(b"recorded")
            await device.hear()
            device.say_datagram(recorded)
            device.address = there.address
            assert await device.ask(b"newer") == b"newer"
            device.say_datagram(recorded)
            assert await device.ask(b"last") == b"last"
            assert here.messages() == [b"before", b"recorded"]
            assert there.messages() == [b"newer", b"last"]
