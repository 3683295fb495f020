"""From the outbox to the bus, whatever dies on the way."""

import base64
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from functools import partial

import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY

from homeport.events.facts import FactName, RequestCompleted
from homeport.runtime import bus
from homeport.runtime import relay as relay_module
from homeport.runtime.relay import EdgeRelay, Relay, share
from homeport.store import keys
from homeport.store.operations import Bootstrapped, Result
from homeport.store.outbox import LEASE_MILLISECONDS
from homeport.store.requests import Complete
from tests.support.events import facts_stored, stored
from tests.support.line import line
from tests.support.polling import until
from tests.support.sessions import BUCKETS, Edge, device, edge

pytestmark = pytest.mark.integration

EVERYTHING = range(BUCKETS)
UPDATES = 8
"""Of each device while the bus is away; more within ten seconds are held (B-112)."""


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with bus.connection(nats_url) as client:
        yield client


@pytest.fixture
async def here(redis_url: str) -> AsyncIterator[Edge]:
    async with edge(redis_url) as made:
        yield made


@pytest.fixture
async def there(redis_url: str) -> AsyncIterator[Edge]:
    async with edge(redis_url) as made:
        yield made


async def register(here: Edge, count: int, message_id: int = 1) -> None:
    outcomes = await here.do(
        *(device(f"urn:dev:{number}").register(message_id) for number in range(count))
    )
    assert {outcome.result for outcome in outcomes} == {Result.REGISTERED}


async def waiting(here: Edge) -> int:
    return sum([await here.redis.xlen(keys.outbox(bucket)) for bucket in EVERYTHING])


async def test_what_the_bus_has_is_trimmed(here: Edge, nats: Client) -> None:
    await register(here, 50)
    relay = Relay(here.outbox, nats)
    assert await relay.settle(EVERYTHING) == 50
    assert await waiting(here) == 0
    assert len(await stored(nats)) == 50


@pytest.mark.conforms("C-236", "B-187")
async def test_a_publisher_that_dies_before_trimming_costs_nothing(
    here: Edge, there: Edge, nats: Client
) -> None:
    await register(here, 20)
    assert await Relay(here.outbox, nats).round(EVERYTHING) == 20
    assert await waiting(here) == 20
    await here.outbox.release(EVERYTHING)
    assert await Relay(there.outbox, nats).settle(EVERYTHING) == 20
    assert await waiting(here) == 0
    assert len(await stored(nats)) == 20


async def test_one_publisher_at_a_time_holds_a_bucket(
    here: Edge, there: Edge, nats: Client
) -> None:
    await register(here, 20)
    mine = await here.outbox.collect(EVERYTHING, {}, most=5)
    assert mine.leased == frozenset(EVERYTHING)
    assert await Relay(there.outbox, nats).round(EVERYTHING) == 0
    assert await there.outbox.vacant(EVERYTHING) == frozenset()


async def test_the_events_of_a_device_stay_in_order(here: Edge, nats: Client) -> None:
    one = device()
    (outcome,) = await here.do(one.register(1))
    location = outcome.registration
    await here.do(one.refresh(2, location), one.deregister(3, location))
    await here.do(one.register(4))
    await Relay(here.outbox, nats).settle(EVERYTHING)
    revisions = [int(event.partition(".")[2]) for event in await stored(nats)]
    assert len(revisions) == 4
    assert revisions == sorted(revisions)


async def test_living_edges_share_the_buckets_and_publish_everything(
    here: Edge, there: Edge, nats_url: str
) -> None:
    relays = [relay_of(one, nats_url) for one in (here, there)]
    async with relays[0].running(), relays[1].running():
        await register(here, 100)
        relays[0].recorded(EVERYTHING)
        await emptied(here)
    async with bus.connection(nats_url) as nats:
        assert len(await stored(nats)) == 100
    assert await here.redis.zcard(keys.edges()) == 0


async def test_what_an_edge_records_for_another_waits_for_nobody_to_look(
    here: Edge, there: Edge, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    relays = [relay_of(one, nats_url) for one in (here, there)]
    async with relays[0].running(), relays[1].running():
        edges = [here.identity, there.identity]
        for one in (here, there):
            await until(partial(leased, one, share(one.identity, edges, BUCKETS)))
        monkeypatch.setattr(relay_module, "POLL_SECONDS", 3600)
        await register(here, 100)
        relays[0].recorded(EVERYTHING)
        await emptied(here)


async def test_an_edge_that_joins_does_not_wait_for_leases_to_run_out(
    here: Edge, there: Edge, nats_url: str
) -> None:
    async with relay_of(here, nats_url).running():
        await until(partial(leased, here, EVERYTHING))
        async with relay_of(there, nats_url).running():
            theirs = share(there.identity, [here.identity], BUCKETS)
            await until(
                partial(leased, there, theirs), seconds=LEASE_MILLISECONDS / 1000 - 1
            )


async def test_while_the_bus_is_away_the_outbox_keeps_everything(here: Edge) -> None:
    relay = relay_of(here, "nats://127.0.0.1:9")
    async with relay.running():
        await register(here, 10)
        relay.recorded(EVERYTHING)
    assert await waiting(here) == 10


@pytest.mark.conforms("C-237", "B-186", "B-187")
@pytest.mark.parametrize(
    "devices", [100, pytest.param(2_000, marks=pytest.mark.soak)], ids=["few", "many"]
)
async def test_after_a_long_outage_of_the_bus_everything_is_told_in_order(
    here: Edge, there: Edge, nats_url: str, devices: int
) -> None:
    together = [device(f"urn:dev:{number}") for number in range(devices)]
    async with line(nats_url) as (way, url), relay_of(here, url).running():
        way.cut()
        async with relay_of(there, url).running():
            registered = await here.do(*(each.register(1) for each in together))
            for message_id in range(2, 2 + UPDATES):
                edges = (here, there)
                await edges[message_id % 2].do(
                    *(
                        each.refresh(message_id, outcome.registration)
                        for each, outcome in zip(together, registered, strict=True)
                    )
                )
        way.mend()
        await emptied(here, seconds=60)
    async with bus.connection(nats_url) as nats:
        facts = await facts_stored(nats)
    told = defaultdict(list)
    for fact in facts:
        told[fact.device_id].append(fact.revision)
    assert told.keys() == {each.id for each in together}
    for revisions in told.values():
        assert len(revisions) == 1 + UPDATES
        assert revisions == sorted(set(revisions))


async def leased(one: Edge, buckets: Iterable[int]) -> bool:
    holders = [await one.redis.get(keys.lease(bucket)) for bucket in buckets]
    return set(holders) <= {one.identity.encode()}


def relay_of(one: Edge, nats_url: str) -> EdgeRelay:
    return EdgeRelay(
        one.outbox,
        one.registry,
        one.identity,
        nats_url=nats_url,
        buckets=BUCKETS,
        registers=True,
    )


async def emptied(here: Edge, *, seconds: float = 20) -> None:
    async def empty() -> bool:
        return await waiting(here) == 0

    await until(empty, seconds=seconds)


def large(number: int, length: int) -> Bootstrapped:
    """Make an event that says very much."""
    one = device(f"urn:dev:{number}")
    said = f',"means":"{"x" * length}"'
    return one.bootstrapped("1")._replace(body=said)


async def test_what_is_too_large_for_the_bus_holds_up_nothing(
    here: Edge, nats: Client
) -> None:
    one = device("urn:dev:0")
    await here.do(
        one.bootstrap(1, "1"), large(0, 5 * 2**20), one.register(2), one.enqueue("a")
    )
    answer = "x" * 5 * 2**20
    said = f',"outcome":"answered","code":"2.05","payload":"{answer}"'
    await here.do(Complete(one.bucket, one.id, "a", said), one.register(3))
    before = oversized()
    await Relay(here.outbox, nats).settle(EVERYTHING)
    assert await waiting(here) == 0
    assert oversized() == before + 2
    *_, completed, last = await facts_stored(nats)
    assert isinstance(completed, RequestCompleted)
    assert (completed.code, completed.request_id) == ("5.00", "a")
    assert base64.b64decode(completed.payload).startswith(b"the answer is larger")
    assert last.name is FactName.DEVICE_REGISTERED


def oversized() -> float:
    return REGISTRY.get_sample_value("homeport_events_oversized_total") or 0


async def test_large_events_go_a_few_at_once(here: Edge, nats: Client) -> None:
    for number in range(8):
        one = device(f"urn:dev:{number}")
        await here.do(one.bootstrap(1, "1"), large(number, 3 * 2**20))
    relay = Relay(here.outbox, nats)
    assert 0 < await relay.round(EVERYTHING) < 16
    await relay.settle(EVERYTHING)
    assert len(await stored(nats)) == 16
