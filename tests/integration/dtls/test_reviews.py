"""Whom the trust view trusts no more is left, and the others do not notice."""

import pytest

from homeport.dtls import departures
from homeport.errors import Unavailable
from homeport.identity import Means
from tests.support.offers import CBC
from tests.support.secured import Trusting, port
from tests.support.secured_peer import KEY, secured_peer, with_cid

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("means", [Means.ISSUED, Means.SHARED_KEY])
async def test_a_peer_that_is_trusted_no_more_ends_in_silence(
    redis_url: str, means: Means
) -> None:
    trust = Trusting(means=means)
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            trust.distrusted.add("psk:device")
            await here.transport.distrust({"psk:lwm2m:device"})
            device.say(b"after")
            assert await device.hears_nothing()
            trust.distrusted.clear()
            await here.has_lost(device)


@pytest.mark.parametrize("names", [{"psk:lwm2m:device"}, {"psk:lwm2m:other"}, None])
async def test_a_peer_that_is_still_trusted_does_not_notice_a_change(
    redis_url: str, names: set[str] | None
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            await here.transport.distrust(names)
            assert await device.ask(b"after") == b"after"
            assert here.transport.reach(here.associations()[0])
            first, last = here.generations
            assert first == last


async def test_who_is_trusted_no_more_is_not_reached_even_if_it_was_idle(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "SWEEP_SECONDS", 0.01)
    trust = Trusting()
    async with port(redis_url, trust, idle=0.2) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            await here.forgets()
            idle = here.heard[0].peer
            trust.distrusted.add("psk:device")
            await here.transport.distrust({"psk:lwm2m:device"})
            assert not here.transport.reach(idle)


async def test_who_cannot_be_asked_about_is_taken_over_anew(redis_url: str) -> None:
    trust = Trusting()
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            trust.away = True
            with pytest.raises(Unavailable):
                await here.transport.distrust(None)
            assert here.associations() == []
            trust.away = False
            assert await device.ask(b"after") == b"after"
            first, last = here.generations
            assert last > first


async def test_a_suite_without_aead_ends_with_its_trust(redis_url: str) -> None:
    trust = Trusting()
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, CBC)
            assert await device.ask(b"before") == b"before"
            await here.transport.distrust(None)
            assert await device.ask(b"still") == b"still"
            trust.distrusted.add("psk:device")
            await here.transport.distrust(None)
            assert here.associations() == []
            device.say(b"after")
            assert await device.hears_nothing()
