"""Associations leave memory for the store, and come back from there."""

import pytest

from homeport.dtls import departures
from homeport.dtls.client import Offer
from tests.support.line import line
from tests.support.offers import EVERY
from tests.support.secured import Trusting, port
from tests.support.secured_peer import KEY, secured_peer, with_cid

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("offer", EVERY)
@pytest.mark.parametrize("limit", [{"idle": 0.01}, {"most": 0}], ids=["idle", "most"])
async def test_an_association_that_left_memory_comes_back_with_its_next_record(
    redis_url: str,
    offer: Offer,
    limit: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(departures, "SWEEP_SECONDS", 0.01)
    async with port(redis_url, Trusting(), **limit) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            for number in range(3):
                recorded = device.say(b"%d" % number)
                assert await device.hear() == b"%d" % number
                await here.forgets()
            device.say_datagram(recorded)
            assert await device.hears_nothing()
            first, *later = here.generations
            assert first < later[0] < later[1]


@pytest.mark.parametrize("offer", EVERY)
async def test_who_has_only_been_idle_is_reached_as_before(
    redis_url: str, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "SWEEP_SECONDS", 0.01)
    async with port(redis_url, Trusting(), idle=0.2) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            assert await device.ask(b"one") == b"one"
            await here.forgets()
            idle = here.heard[0].peer
            assert here.transport.reach(idle)
            assert here.transport.reach(idle)
            here.transport.send([(b"asked", idle)])
            assert await device.hear() == b"asked"
            assert await device.ask(b"answered") == b"answered"
            assert [each.peer for each in here.heard] == [idle, idle]


async def test_who_has_given_way_to_another_is_not_reached_if_it_was_idle(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "SWEEP_SECONDS", 0.01)
    async with port(redis_url, Trusting(), idle=0.2) as here:
        with secured_peer(here.address) as device:
            for message in (b"old", b"new"):
                await device.shake_hands()
                assert await device.ask(message) == message
                await here.forgets()
            old, new = (each.peer for each in here.heard)
            assert not here.transport.reach(old)
            assert here.transport.reach(new)


async def test_a_store_that_is_away_costs_no_association_in_memory(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "SWEEP_SECONDS", 0.01)
    async with (
        line(redis_url) as (way, url),
        port(url, Trusting(), most=1) as here,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            way.cut()
            assert await device.ask(b"meanwhile") == b"meanwhile"
            way.mend()
            assert await device.ask(b"after") == b"after"


async def test_a_port_that_drains_writes_down_how_far_it_came(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            recorded = [device.say(b"%d" % number) for number in range(3)]
            assert [await device.hear() for _ in recorded] == [b"0", b"1", b"2"]
            await here.transport.drain()
            async with port(redis_url, Trusting()) as there:
                device.address = there.address
                for datagram in recorded:
                    device.say_datagram(datagram)
                assert await device.hears_nothing()
                assert await device.ask(b"there") == b"there"
