"""Associations float: whichever edge gets the next record goes on, and none twice."""

import random
from contextlib import AsyncExitStack

import pytest
from prometheus_client import REGISTRY

from homeport.coap.transport import Trace
from homeport.dtls import records
from homeport.dtls.association import COUNTER_BITS, LAST_GENERATION, Association
from homeport.dtls.client import Offer
from homeport.dtls.course import Established
from homeport.dtls.live import Live, name_of
from homeport.dtls.records import ContentType
from homeport.identity import Service
from homeport.store import keys
from tests.support.line import line
from tests.support.polling import until
from tests.support.secured import Port, Trusting, port, trace_of
from tests.support.secured_peer import KEY, NO_IDS, SecuredPeer, secured_peer, with_cid

pytestmark = pytest.mark.integration

OFFERS = [
    pytest.param(NO_IDS, id="without connection ids"),
    pytest.param(with_cid(cid=b"sixsix"), id="with connection ids"),
]


def dropped(reason: str) -> float:
    """Count what was left unanswered for a reason."""
    name = "homeport_dtls_dropped_total"
    return REGISTRY.get_sample_value(name, {"reason": reason}) or 0


def association(live: Live) -> Association:
    assert isinstance(live.records, Association)
    return live.records


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.conforms("C-054", "B-093")
async def test_another_edge_goes_on_without_a_handshake_and_back_again(
    redis_url: str, offer: Offer
) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            assert await device.ask(b"here") == b"here"
            device.address = there.address
            assert await device.ask(b"there") == b"there"
            device.address = here.address
            assert await device.ask(b"and back") == b"and back"
            assert here.messages() == [b"here", b"and back"]
            assert there.messages() == [b"there"]
            assert (here.generations, there.generations) == ([1, 3], [2])
            origins = [each.peer.origin for each in [*here.heard, *there.heard]]
            assert len({origin.association for origin in origins}) == 1


@pytest.mark.conforms("C-055")
async def test_an_edge_that_was_killed_is_not_missed(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as there:
        with secured_peer(there.address) as device:
            async with port(redis_url, Trusting()) as here:
                device.address = here.address
                await device.shake_hands(KEY, with_cid())
                assert await device.ask(b"here") == b"here"
            device.address = there.address
            assert await device.ask(b"there") == b"there"
            assert device.established is not None
            assert len(device.sent) == 5


async def test_a_gap_has_its_owner_ask_before_it_goes_on(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"one") == b"one"
            device.seal(b"lost on its way")
            assert await device.ask(b"three") == b"three"
            assert here.generations == [1, 2]


async def test_a_forged_gap_asks_nobody(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            assert await device.ask(b"one") == b"one"
            (record,) = records.parse(device.seal(b"two"), 0)
            forged = records.build(record.kind, 1, 9, record.fragment)
            device.say_datagram(forged)
            assert await device.hears_nothing()
            assert here.associations()[0].origin.generation == 1


@pytest.mark.parametrize("offer", OFFERS)
async def test_records_that_come_together_are_one_takeover(
    redis_url: str, offer: Offer
) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            device.address = there.address
            said = [b"%d" % number for number in range(5)]
            for message in reversed([device.seal(each) for each in said]):
                device.say_datagram(message)
            assert [await device.hear() for _ in said] == said
            assert there.generations == [2] * 5


async def test_a_record_that_gave_reason_once_gives_none_again(
    redis_url: str,
) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
        port(redis_url, Trusting()) as elsewhere,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            device.address = there.address
            recorded = device.say(b"recorded")
            assert await device.hear() == b"recorded"
            before = dropped("replayed") + dropped("unauthentic")
            device.address = elsewhere.address
            device.say_datagram(recorded)
            assert await device.hears_nothing()

            async def refused() -> bool:
                return dropped("replayed") + dropped("unauthentic") > before

            await until(refused)
            assert elsewhere.messages() == []
            assert elsewhere.associations() == []
            device.address = there.address
            assert await device.ask(b"there") == b"there"
            assert there.generations == [2, 2]


async def test_a_forged_record_for_an_unknown_place_costs_one_look_up(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            before = dropped("unknown")
            forged = records.build(ContentType.APPLICATION, 1, 7, bytes(40))
            for _ in range(8):
                device.say_datagram(forged)

            async def looked_up() -> bool:
                return dropped("unknown") > before

            await until(looked_up)
            assert await device.hears_nothing()
            assert dropped("unknown") == before + 1
            assert here.transport._takeovers._parked == {}


async def test_a_forged_record_for_a_place_that_is_known_takes_nothing(
    redis_url: str,
) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"here") == b"here"
            forged = bytearray(device.seal(b"forged"))
            forged[-1] ^= 1
            with secured_peer(there.address) as other:
                other.say_datagram(bytes(forged))
                assert await other.hears_nothing()
            assert there.associations() == []
            device.seal(b"another, so that there is a gap")
            assert await device.ask(b"here again") == b"here again"
            assert here.generations == [1, 2]


async def test_a_forged_record_does_not_keep_the_real_one_out(redis_url: str) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device, secured_peer(there.address) as other:
            await device.shake_hands(KEY, with_cid())
            real = device.seal(b"real")
            forged = bytearray(real)
            forged[-1] ^= 1
            other.say_datagram(bytes(forged))
            device.address = there.address
            device.say_datagram(real)
            assert await device.hear() == b"real"
            assert there.associations()[0].origin.peer != "forged"
            assert there.messages() == [b"real"]


async def test_a_store_that_is_away_is_silence_until_it_is_back(
    redis_url: str,
) -> None:
    async with (
        line(redis_url) as (way, url),
        port(redis_url, Trusting()) as here,
        port(url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            device.address = there.address
            way.cut()
            before = dropped("store")
            device.say(b"lost")

            async def away() -> bool:
                return dropped("store") > before

            await until(away)
            assert await device.hears_nothing()
            assert there.transport._takeovers._parked == {}
            way.mend()
            assert await device.ask(b"there") == b"there"


async def test_a_store_that_is_away_during_a_gap_is_silence_until_it_is_back(
    redis_url: str,
) -> None:
    async with line(redis_url) as (way, url), port(url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"one") == b"one"
            way.cut()
            before = dropped("store")
            device.seal(b"lost on its way")
            device.say(b"three")

            async def away() -> bool:
                return dropped("store") > before

            await until(away)
            way.mend()
            assert await device.ask(b"four") == b"four"


async def test_a_peer_that_is_trusted_no_more_is_not_taken_over(
    redis_url: str,
) -> None:
    trust = Trusting()
    async with port(redis_url, Trusting()) as here, port(redis_url, trust) as there:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            trust.distrusted.add("psk:device")
            place = name_of(here.associations()[0].place)
            device.address = there.address
            device.say(b"there")

            async def gone() -> bool:
                key = keys.association(Service.LWM2M, place)
                return not await here.redis.exists(key)

            await until(gone)
            assert there.messages() == []
            device.address = here.address
            device.seal(b"lost on its way")
            device.say(b"here")
            assert await device.hears_nothing()
            await here.forgets()
            assert here.messages() == []


async def test_an_edge_that_is_told_lets_go(redis_url: str) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"here") == b"here"
            place = name_of(here.associations()[0].place)
            device.address = there.address
            assert await device.ask(b"there") == b"there"
            here.transport.taken_over([place, "00" * 8, "192.0.2.1:7"])
            assert here.associations() == []
            device.address = here.address
            assert await device.ask(b"and back") == b"and back"


async def test_a_device_that_begins_anew_ends_what_another_edge_has(
    redis_url: str,
) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands()
            assert await device.ask(b"old") == b"old"
            place = name_of(here.associations()[0].place)
            async with here.redis.pubsub() as told:
                await told.subscribe(keys.told(here.edge))
                await told.get_message(timeout=5)
                device.address = there.address
                await device.shake_hands()
                message = await told.get_message(timeout=5)
            assert message is not None
            assert message["data"] == place.encode()
            here.transport.taken_over([place])
            device.address = here.address
            assert await device.ask(b"new") == b"new"


async def test_a_takeover_that_comes_late_does_not_undo_a_new_handshake(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            assert await device.ask(b"old") == b"old"
            (old,) = here.associations()
            await device.shake_hands()
            here.transport._taken(old, [])
            assert await device.ask(b"new") == b"new"


async def test_a_counter_that_is_full_takes_the_next_generation(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"one") == b"one"
            sealer = association(here.associations()[0])
            sealer._next = (2 << COUNTER_BITS) - 1
            assert await device.ask(b"two") == b"two"
            assert sealer.exhausted
            device.say(b"lost")
            await here.forgets()
            assert await device.ask(b"four") == b"four"
            assert here.generations == [1, 1, 1, 2]


async def test_full_generations_end_an_association(redis_url: str) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            place = name_of(here.associations()[0].place)
            key = keys.association(Service.LWM2M, place)
            await there.redis.hset(key, "generation", LAST_GENERATION)
            device.address = there.address
            device.say(b"there")
            assert await device.hears_nothing()
            assert there.messages() == []
            assert isinstance(await device.shake_hands(), Established)
            assert await device.ask(b"there") == b"there"


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.conforms("C-055")
async def test_no_number_is_ever_used_twice_whichever_edges_live_and_die(
    redis_url: str, offer: Offer, seed: int
) -> None:
    """The device itself fails on a number that it has heard with other content."""
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        edges = [await _edge(stack, redis_url) for _ in range(2)]
        device = stack.enter_context(secured_peer(edges[0][1].address))
        await device.shake_hands(KEY, offer)
        (live,) = edges[0][1].associations()
        for number in range(40):
            place = chance.randrange(2)
            if chance.random() < 0.2:
                await edges[place][0].aclose()
                edges[place] = await _edge(stack, redis_url)
            _, here = edges[place]
            device.address = here.address
            await _disturb(chance, device, here, trace_of(live))
            message = b"%d" % number
            device.say(message)
            while await device.hear() != message:
                continue


async def _edge(stack: AsyncExitStack, redis_url: str) -> tuple[AsyncExitStack, Port]:
    mortal = await stack.enter_async_context(AsyncExitStack())
    return mortal, await mortal.enter_async_context(port(redis_url, Trusting()))


async def _disturb(
    chance: random.Random, device: SecuredPeer, here: Port, trace: Trace
) -> None:
    """Do something before the next record that an edge may get."""
    match chance.randrange(6):
        case 0:
            device.seal(b"lost on its way")
        case 1:
            await here.transport.distrust(None)
        case 2:
            here.transport.send([(b"ours", live) for live in here.associations()])
        case 3:
            device.say_datagram(device.seal(b"\x01", ContentType.HANDSHAKE))
        case 4:
            found = await here.transport.recall(trace)
            here.transport.send([(b"first", live) for live in [found] if live])
