"""What every store of registration sessions promises: standalone and on a cluster."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

import pytest

from homeport.events.facts import QueueCleared, RegistrationUpdated
from homeport.store import keys
from homeport.store.operations import Expire, Outcome, Result
from tests.support.sessions import BUCKETS, Edge, device, edge, fact_names

pytestmark = pytest.mark.integration


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
def store_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)


@pytest.fixture
async def here(store_url: str) -> AsyncIterator[Edge]:
    async with edge(store_url) as made:
        yield made


@pytest.fixture
async def there(store_url: str) -> AsyncIterator[Edge]:
    async with edge(store_url) as made:
        yield made


async def registered(here: Edge, name: str = "urn:dev:1", **changes: object) -> str:
    (outcome,) = await here.do(device(name).register(1, **changes))
    assert outcome.result is Result.REGISTERED
    return outcome.registration


async def test_a_register_is_a_session_and_an_event_at_once(here: Edge) -> None:
    location = await registered(here)
    (fact,) = await here.facts()
    assert fact.fact == "device.registered"
    assert fact.registration_id == location
    assert fact.device_id == device().id
    assert fact.endpoint_name == "urn:dev:1"
    assert [resource.path for resource in fact.resources] == ["/3/0", "/3/0/9"]
    assert fact.id == f"{fact.device_id}.{fact.revision}"
    assert (fact.expires_at - fact.time).total_seconds() == 60


async def test_an_update_event_has_the_full_structure_and_no_changes(
    here: Edge,
) -> None:
    location = await registered(here)
    (outcome,) = await here.do(device().refresh(2, location))
    assert outcome == Outcome(Result.UPDATED)
    _, fact = await here.facts()
    assert isinstance(fact, RegistrationUpdated)
    assert fact.changes == ()
    assert len(fact.resources) == 2


async def test_an_update_says_what_it_changed(here: Edge) -> None:
    location = await registered(here)
    await here.do(
        device().update(2, location, lifetime=90, resources='[{"path":"/1/0"}]')
    )
    _, fact = await here.facts()
    assert isinstance(fact, RegistrationUpdated)
    assert fact.changes == ("lifetime", "resources")
    assert fact.lifetime == 90
    assert [resource.path for resource in fact.resources] == ["/1/0"]


async def test_the_same_values_again_change_nothing(here: Edge) -> None:
    location = await registered(here)
    await here.do(device().update(2, location, lifetime=60, binding="U"))
    assert (await here.facts())[-1].changes == ()


async def test_a_repeated_message_gets_the_first_answer_from_another_edge(
    here: Edge, there: Edge
) -> None:
    location = await registered(here)
    (again,) = await there.do(device().register(1))
    assert again == Outcome(Result.REGISTERED, registration=location)
    assert len(await here.facts()) == 1


async def test_the_same_message_id_of_another_peer_is_another_message(
    here: Edge,
) -> None:
    location = await registered(here)
    (other,) = await here.do(device().register(1, exchange="127.0.0.2:5#1"))
    assert other.registration != location


async def test_the_latest_registration_takes_over(here: Edge) -> None:
    first = await registered(here)
    (second,) = await here.do(device().register(2))
    outcomes = await here.do(
        device().refresh(3, first), device().refresh(4, second.registration)
    )
    assert [outcome.result for outcome in outcomes] == [Result.UNKNOWN, Result.UPDATED]


async def test_an_update_of_an_unknown_registration_is_unknown(here: Edge) -> None:
    outcomes = await here.do(device().refresh(1, "f" * 48), device().update(2, "x"))
    assert {outcome.result for outcome in outcomes} == {Result.UNKNOWN}
    assert await here.facts() == []


async def test_another_identity_finds_nothing(here: Edge) -> None:
    location = await registered(here, identity="psk:1")
    outcomes = await here.do(
        device().refresh(2, location), device().deregister(3, location)
    )
    assert {outcome.result for outcome in outcomes} == {Result.UNKNOWN}


async def test_a_fixed_location_leads_only_to_a_session_that_has_one(
    here: Edge,
) -> None:
    await registered(here, "urn:dev:1")
    await registered(here, "urn:dev:2", fixed=1)
    fixed = {"location": "", "account": device().account}
    plain, fixed_one = await here.do(
        device("urn:dev:1").refresh(2, "")._replace(**fixed),
        device("urn:dev:2").refresh(2, "")._replace(**fixed),
    )
    assert (plain.result, fixed_one.result) == (Result.UNKNOWN, Result.UPDATED)


async def test_deregistration_clears_structure_and_queue_and_says_so(
    here: Edge,
) -> None:
    location = await registered(here)
    await here.do(device().enqueue("one"), device().enqueue("two"))
    (outcome,) = await here.do(device().deregister(2, location))
    assert outcome.result is Result.DEREGISTERED
    _, *completed, cleared, gone = await here.facts()
    assert fact_names(completed) == ["request.completed"] * 2
    assert isinstance(cleared, QueueCleared)
    assert (cleared.reason, cleared.requests) == ("deregistered", ("one", "two"))
    assert gone.fact == "device.deregistered"
    for key in (keys.queue, keys.requests, keys.description):
        assert not await here.redis.exists(key(device().bucket, device().id))
    assert not await here.redis.zcard(keys.expiry(device().bucket))


async def test_a_repeated_deregister_gets_the_first_answer(
    here: Edge, there: Edge
) -> None:
    location = await registered(here)
    await here.do(device().deregister(2, location))
    (again,) = await there.do(device().deregister(2, location))
    (late,) = await there.do(device().deregister(3, location))
    assert again.result is Result.DEREGISTERED
    assert late.result is Result.UNKNOWN


async def test_a_deregistered_device_leaves_nothing_for_ever(here: Edge) -> None:
    location = await registered(here)
    await here.do(device().deregister(2, location))
    left = await here.redis.pttl(keys.session(device().bucket, device().id))
    assert 0 < left <= 247_000


async def test_a_new_registration_outlives_what_was_left_of_the_old(here: Edge) -> None:
    location = await registered(here)
    await here.do(device().deregister(2, location), device().register(3))
    assert await here.redis.ttl(keys.session(device().bucket, device().id)) == -1


async def test_the_eleventh_operation_in_ten_seconds_is_held(
    here: Edge, there: Edge
) -> None:
    location = await registered(here)
    for message_id in range(2, 11):
        place = here if message_id % 2 else there
        (outcome,) = await place.do(device().refresh(message_id, location))
        assert outcome.result is Result.UPDATED
    eleventh, twelfth = await here.do(
        device().refresh(11, location), device().refresh(12, location)
    )
    assert eleventh.result is twelfth.result is Result.HELD
    assert 0 < twelfth.held_milliseconds <= 60_000
    assert eleventh.profile == "lwm2m-1.1"
    assert fact_names(await here.facts()).count("registration.refused") == 1


async def test_a_repeated_message_is_not_counted(here: Edge) -> None:
    location = await registered(here)
    for _ in range(30):
        (outcome,) = await here.do(device().refresh(2, location))
        assert outcome.result is Result.UPDATED
    assert len(await here.facts()) == 2


async def test_deregistering_does_not_dodge_the_rate_limit(here: Edge) -> None:
    for message_id in range(0, 20, 2):
        (outcome,) = await here.do(device().register(message_id))
        await here.do(device().deregister(message_id + 1, outcome.registration))
    (held,) = await here.do(device().register(99))
    assert held.result is Result.HELD


async def test_deregistering_is_never_held(here: Edge) -> None:
    location = await registered(here)
    await here.do(*(device().refresh(n, location) for n in range(2, 14)))
    (outcome,) = await here.do(device().deregister(99, location))
    assert outcome.result is Result.DEREGISTERED


async def test_an_operation_that_waited_too_long_changes_nothing(here: Edge) -> None:
    location = await registered(here)
    outcomes = await here.do(device().refresh(2, location), device().register(3), age=6)
    assert {outcome.result for outcome in outcomes} == {Result.STALE}
    assert len(await here.facts()) == 1


async def test_a_merge_of_what_has_changed_meanwhile_is_a_conflict(here: Edge) -> None:
    location = await registered(here)
    (session,) = await here.sessions.read([device().id])
    assert session is not None
    await here.do(device().refresh(2, location))
    (late,) = await here.do(
        device().update(
            3, location, if_revision=session.revision, resources='[{"path":"/9"}]'
        )
    )
    assert late.result is Result.CONFLICT
    (fresh,) = await here.sessions.read([device().id])
    assert fresh is not None
    (merged,) = await here.do(
        device().update(3, location, if_revision=fresh.revision, resources="[]")
    )
    assert merged.result is Result.UPDATED


async def test_reading_a_device_without_session_finds_none(here: Edge) -> None:
    location = await registered(here)
    await here.do(device().deregister(2, location))
    assert await here.sessions.read([device().id, device("x").id]) == [None, None]


async def test_revisions_only_rise(here: Edge, there: Edge) -> None:
    location = await registered(here)
    await here.do(*(device().refresh(n, location) for n in range(2, 6)))
    await there.do(device().refresh(6, location))
    revisions = [fact.revision for fact in await here.facts()]
    assert revisions == sorted(set(revisions))


async def sweep(here: Edge, **changes: object) -> tuple[int, int]:
    sweeps = [
        Expire(bucket, 100, grace=0, outage_ended=0, outage_grace=120_000)._replace(
            **changes
        )
        for bucket in range(BUCKETS)
    ]
    results = await here.sessions.expire(sweeps, now=here.clock.now())
    return sum(r.ended for r in results), sum(r.postponed for r in results)


async def overdue(here: Edge, name: str = "urn:dev:1") -> str:
    location = await registered(here, name)
    await here.redis.zadd(keys.expiry(device(name).bucket), {device(name).id: 1})
    return location


async def test_what_is_due_expires_once(here: Edge, there: Edge) -> None:
    location = await overdue(here)
    assert await sweep(here) == (1, 0)
    assert await sweep(there) == (0, 0)
    (late,) = await here.do(device().refresh(2, location))
    assert late.result is Result.UNKNOWN
    assert fact_names(await here.facts()) == [
        "device.registered",
        "registration.expired",
    ]


async def at_once(here: Edge, there: Edge, number: int) -> None:
    """Let a device renew a registration at one edge while another one ends it."""
    one = device(f"urn:dev:{number}")
    location = await registered(here, one.endpoint_name)
    await here.redis.zadd(keys.expiry(one.bucket), {one.id: 1})
    renewal = here.do(one.refresh(2, location))
    sweep_ = sweep(there)
    order = (renewal, sweep_) if number % 2 else (sweep_, renewal)
    await asyncio.gather(*order)


@pytest.mark.conforms("C-111", "B-132")
@pytest.mark.parametrize(
    "times", [100, pytest.param(10_000, marks=pytest.mark.soak)], ids=["few", "many"]
)
async def test_an_update_in_the_instant_of_expiry_renews_or_comes_too_late(
    here: Edge, there: Edge, times: int
) -> None:
    for begin in range(0, times, 10):
        together = range(begin, begin + 10)
        await asyncio.gather(*(at_once(here, there, number) for number in together))
    told = defaultdict(list)
    for fact in await here.facts():
        told[fact.device_id].append(fact.name.value)
    assert len(told) == times
    for number in range(times):
        one = device(f"urn:dev:{number}")
        (session,) = await here.sessions.read([one.id])
        end = "registration.expired" if session is None else "registration.updated"
        assert told[one.id] == ["device.registered", end]


async def test_what_is_not_due_stays(here: Edge) -> None:
    await registered(here)
    assert await sweep(here) == (0, 0)


async def test_the_grace_spares_what_has_just_run_out(here: Edge) -> None:
    await overdue(here)
    beats = await here.registry.look()
    await here.redis.zadd(
        keys.expiry(device().bucket), {device().id: beats.now - 5_000}
    )
    assert await sweep(here, grace=60_000) == (0, 0)
    assert await sweep(here, grace=1_000) == (1, 0)


async def test_after_an_outage_expiry_waits(here: Edge) -> None:
    await overdue(here)
    now = int((await here.registry.look()).now)
    assert await sweep(here, outage_ended=now - 1_000) == (0, 1)
    assert await sweep(here, outage_ended=now - 1_000) == (0, 0)
    assert await here.redis.zscore(keys.expiry(device().bucket), device().id) > now


async def test_an_outage_long_ago_spares_nobody(here: Edge) -> None:
    await overdue(here)
    now = int((await here.registry.look()).now)
    assert await sweep(here, outage_ended=now - 121_000) == (1, 0)


@pytest.mark.conforms("C-237", "B-186")
async def test_above_its_limit_an_outbox_keeps_all_that_has_changed_something(
    store_url: str,
) -> None:
    async with edge(store_url, outbox_limit=2) as here:
        location = await registered(here)
        for message_id in range(2, 9):
            changed = device().update(message_id, location, lifetime=message_id * 60)
            await here.do(changed)
        left = device().deregister(9, location)
        await here.do(device().enqueue("a"), left)
        facts = await here.facts()
    assert fact_names(facts) == [
        "device.registered",
        *["registration.updated"] * 7,
        *("request.completed", "queue.cleared", "device.deregistered"),
    ]
    revisions = [fact.revision for fact in facts]
    assert revisions == sorted(set(revisions))


@pytest.mark.conforms("C-237", "B-186")
async def test_above_its_limit_an_outbox_keeps_the_newest_refresh(
    store_url: str,
) -> None:
    async with edge(store_url, outbox_limit=2) as here:
        location = await registered(here)
        for message_id in range(2, 9):
            await here.do(device().refresh(message_id, location))
        facts = await here.facts()
        assert fact_names(facts)[0] == "device.registered"
        assert len(facts) <= 4
        newest = await here.redis.hget(
            keys.session(device().bucket, device().id), "revision"
        )
        assert facts[-1].revision == int(newest)


async def test_what_is_replaced_is_of_the_same_registration(store_url: str) -> None:
    async with edge(store_url, outbox_limit=0) as here:
        first = await registered(here)
        await here.do(device().refresh(2, first))
        second = await registered(here, exchange="again#1")
        for message_id in range(3, 6):
            await here.do(device().refresh(message_id, second))
        assert fact_names(await here.facts()) == [
            "device.registered",
            "registration.updated",
            "device.registered",
            "registration.updated",
        ]


async def test_an_update_changes_parameters(here: Edge) -> None:
    location = await registered(here, parameters='{"sms":"1"}')
    (session,) = await here.sessions.read([device().id])
    assert session is not None
    assert session.parameters == '{"sms":"1"}'
    await here.do(device().update(2, location, parameters='{"sms":"2"}'))
    _, fact = await here.facts()
    assert isinstance(fact, RegistrationUpdated)
    assert (fact.changes, fact.parameters) == (("parameters",), {"sms": "2"})


async def test_a_bootstrap_is_told_once_and_ends_once(here: Edge, there: Edge) -> None:
    one = device().bootstrap(1, "first")
    (begun,) = await here.do(one)
    (again,) = await there.do(one)
    assert begun.result is Result.BOOTSTRAPPING
    assert again.result is Result.REPEATED
    (ended,) = await here.do(device().bootstrapped("first"))
    (twice,) = await here.do(device().bootstrapped("first"))
    assert (ended.result, twice.result) == (Result.RECORDED, Result.SUPERSEDED)
    assert fact_names(await here.facts()) == [
        "device.bootstrapping",
        "device.bootstrapped",
    ]


async def test_a_second_bootstrap_supersedes_the_first(here: Edge) -> None:
    await here.do(device().bootstrap(1, "first"), device().bootstrap(2, "second"))
    late, good = await here.do(
        device().bootstrapped("first"), device().bootstrapped("second")
    )
    assert (late.result, good.result) == (Result.SUPERSEDED, Result.RECORDED)
