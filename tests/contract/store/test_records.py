"""An operation has its effect once, whoever repeats its record: on every store."""

from collections.abc import AsyncIterator

import pytest

from homeport.associations import KEPT_SECONDS
from homeport.store import keys
from homeport.store.operations import Bootstrap, Expire, Outcome, Result
from tests.support.sessions import Edge, device, edge, fact_names, mark

pytestmark = pytest.mark.integration

OLD, ASSOCIATION, NEW = 1, 2, 3


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


def by(association: int, sequence: int, *, generation: int = 1) -> dict[str, object]:
    """Say by which record an operation came."""
    return {"mark": mark(association, sequence), "generation": generation}


async def registered(here: Edge) -> str:
    (outcome,) = await here.do(device().register(1, **by(ASSOCIATION, 10)))
    assert outcome.result is Result.REGISTERED
    return outcome.registration


async def result(here: Edge, *batch: object) -> Result:
    *_, last = await here.do(*batch)
    return last.result


async def test_newer_records_have_their_effect(here: Edge) -> None:
    location = await registered(here)
    outcomes = await here.do(
        device().refresh(2, location)._replace(**by(ASSOCIATION, 11)),
        device().update(3, location, lifetime=90, **by(ASSOCIATION, 15)),
        device().refresh(4, location)._replace(**by(NEW, 1)),
        device().deregister(5, location)._replace(**by(NEW, 2)),
    )
    assert [outcome.result for outcome in outcomes] == [
        Result.UPDATED,
        Result.UPDATED,
        Result.UPDATED,
        Result.DEREGISTERED,
    ]


@pytest.mark.parametrize(
    "record",
    [by(ASSOCIATION, 10), by(ASSOCIATION, 9), by(OLD, 99)],
    ids=["the same", "an older one", "one of an older association"],
)
async def test_a_replayed_record_changes_nothing(
    here: Edge, there: Edge, record: dict[str, object]
) -> None:
    location = await registered(here)
    before = await here.redis.hgetall(keys.session(device().bucket, device().id))
    outcomes = await there.do(
        device().register(7, **record),
        device().refresh(8, location)._replace(**record),
        device().update(9, location, lifetime=90, **record),
        device().deregister(10, location)._replace(**record),
    )
    assert {outcome.result for outcome in outcomes} == {Result.REPLAYED}
    assert len(await here.facts()) == 1
    after = await here.redis.hgetall(keys.session(device().bucket, device().id))
    assert after == before


async def test_a_replay_is_not_even_answered(here: Edge) -> None:
    await registered(here)
    again = device().register(1, **by(ASSOCIATION, 10))
    assert await result(here, again) is Result.REPLAYED


async def test_a_retransmission_is_a_new_record_and_gets_the_first_answer(
    here: Edge, there: Edge
) -> None:
    location = await registered(here)
    again = device().register(1, **by(ASSOCIATION, 11))
    assert await there.do(again) == [Outcome(Result.REGISTERED, location)]
    assert await result(here, again) is Result.REPLAYED
    assert len(await here.facts()) == 1


async def test_the_edge_that_lost_an_association_is_superseded(
    here: Edge, there: Edge
) -> None:
    location = await registered(here)
    late = device().refresh(3, location)._replace(**by(ASSOCIATION, 12))
    taken = device().refresh(2, location)
    await there.do(taken._replace(**by(ASSOCIATION, 11, generation=2)))
    assert await result(here, late) is Result.SUPERSEDED
    again = late._replace(generation=3)
    assert await result(here, again) is Result.UPDATED


async def test_the_superseded_are_not_answered_either(here: Edge, there: Edge) -> None:
    location = await registered(here)
    refresh = device().refresh(2, location)
    await there.do(refresh._replace(**by(ASSOCIATION, 11, generation=2)))
    late = refresh._replace(**by(ASSOCIATION, 12))
    assert await result(here, late) is Result.SUPERSEDED


async def test_a_new_association_begins_with_its_own_generations(here: Edge) -> None:
    location = await registered(here)
    refresh = device().refresh(2, location)
    await here.do(refresh._replace(**by(ASSOCIATION, 11, generation=9)))
    other = device().refresh(3, location)._replace(**by(NEW, 1))
    assert await result(here, other) is Result.UPDATED


async def test_generations_are_compared_as_numbers(here: Edge) -> None:
    location = await registered(here)
    first, second = device().refresh(2, location), device().refresh(3, location)
    assert (
        await result(
            here,
            first._replace(**by(ASSOCIATION, 11, generation=9)),
            second._replace(**by(ASSOCIATION, 12, generation=10)),
        )
        is Result.UPDATED
    )


async def test_a_merge_that_came_too_late_is_done_again_by_the_same_record(
    here: Edge,
) -> None:
    location = await registered(here)
    merge = device().update(2, location, resources="[]", **by(ASSOCIATION, 11))
    assert await result(here, merge._replace(if_revision="1")) is Result.CONFLICT
    (session,) = await here.sessions.read([device().id])
    assert session is not None
    good = merge._replace(if_revision=session.revision)
    assert await result(here, good) is Result.UPDATED


async def test_another_identity_cannot_push_records_out(here: Edge) -> None:
    location = await registered(here)
    foreign = {"identity": "psk:2", **by(NEW, 99)}
    await here.do(
        device().refresh(8, location)._replace(**foreign),
        device().update(9, location, **foreign),
        device().deregister(10, location)._replace(**foreign),
    )
    own = device().refresh(2, location)._replace(**by(ASSOCIATION, 11))
    assert await result(here, own) is Result.UPDATED


async def test_a_held_record_has_had_its_effect(here: Edge) -> None:
    location = await registered(here)
    records = [
        device().refresh(n, location)._replace(**by(ASSOCIATION, 10 + n))
        for n in range(2, 12)
    ]
    assert await result(here, *records) is Result.HELD
    assert await result(here, records[-1]) is Result.REPLAYED


async def test_what_ended_is_not_brought_back_by_a_recorded_register(
    here: Edge, there: Edge
) -> None:
    location = await registered(here)
    gone = device().deregister(2, location)._replace(**by(ASSOCIATION, 11))
    assert await result(here, gone) is Result.DEREGISTERED
    outcomes = await there.do(
        device().register(1, **by(ASSOCIATION, 10)), device().register(7, **by(OLD, 1))
    )
    assert {outcome.result for outcome in outcomes} == {Result.REPLAYED}
    assert fact_names(await here.facts())[-1] == "device.deregistered"
    left = await here.redis.ttl(keys.session(device().bucket, device().id))
    assert KEPT_SECONDS - 60 < left <= KEPT_SECONDS


async def test_what_expired_is_not_brought_back_by_a_recorded_register(
    here: Edge, there: Edge
) -> None:
    await registered(here)
    await here.redis.zadd(keys.expiry(device().bucket), {device().id: 1})
    sweep = Expire(device().bucket, 9, grace=0, outage_ended=0, outage_grace=0)
    await here.sessions.expire([sweep], now=here.clock.now())
    again = device().register(1, **by(ASSOCIATION, 10))
    assert await result(there, again) is Result.REPLAYED
    left = await here.redis.ttl(keys.session(device().bucket, device().id))
    assert left > KEPT_SECONDS - 60


async def test_a_held_register_does_not_shorten_what_is_left(here: Edge) -> None:
    for sequence in range(0, 20, 2):
        (outcome,) = await here.do(
            device().register(sequence, **by(ASSOCIATION, 10 + sequence))
        )
        gone = device().deregister(sequence + 1, outcome.registration)
        await here.do(gone._replace(**by(ASSOCIATION, 11 + sequence)))
    assert await result(here, device().register(99)) is Result.HELD
    left = await here.redis.ttl(keys.session(device().bucket, device().id))
    assert left > KEPT_SECONDS - 60


async def test_who_left_may_come_back(here: Edge) -> None:
    location = await registered(here)
    await here.do(device().deregister(2, location)._replace(**by(ASSOCIATION, 11)))
    again = device().register(3, **by(ASSOCIATION, 12))
    assert await result(here, again) is Result.REGISTERED
    assert await here.redis.ttl(keys.session(device().bucket, device().id)) == -1


async def test_a_transport_without_associations_is_not_asked_for_marks(
    here: Edge,
) -> None:
    location = await registered(here)
    assert await result(here, device().refresh(2, location)) is Result.UPDATED
    replayed = device().refresh(3, location)._replace(**by(ASSOCIATION, 10))
    assert await result(here, replayed) is Result.REPLAYED


def asked(
    message_id: int, attempt: str, association: int, sequence: int, generation: int = 1
) -> Bootstrap:
    record = by(association, sequence, generation=generation)
    return device().bootstrap(message_id, attempt)._replace(**record)


async def test_a_replayed_bootstrap_does_not_end_the_one_under_way(
    here: Edge, there: Edge
) -> None:
    assert await result(here, asked(1, "one", ASSOCIATION, 5)) is Result.BOOTSTRAPPING
    for old in (asked(9, "two", OLD, 99), asked(9, "two", ASSOCIATION, 5)):
        assert await result(there, old) is Result.REPLAYED
    assert await result(here, device().bootstrapped("one")) is Result.RECORDED


async def test_a_replayed_bootstrap_does_not_begin_one_that_has_ended(
    here: Edge, there: Edge
) -> None:
    one = asked(1, "one", ASSOCIATION, 5)
    await here.do(one, device().bootstrapped("one"))
    assert await result(there, one) is Result.REPLAYED
    assert len(await here.facts()) == 2
    left = await here.redis.ttl(keys.bootstrap(device().bucket, device().id))
    assert left > KEPT_SECONDS - 60


async def test_a_repeated_bootstrap_is_a_new_record_and_begins_nothing(
    here: Edge, there: Edge
) -> None:
    await here.do(asked(1, "one", ASSOCIATION, 5))
    assert await result(there, asked(1, "two", ASSOCIATION, 6)) is Result.REPEATED
    assert await result(here, asked(1, "two", ASSOCIATION, 6)) is Result.REPLAYED


async def test_a_bootstrap_at_the_edge_that_lost_the_association_is_superseded(
    here: Edge,
) -> None:
    await here.do(asked(1, "one", ASSOCIATION, 5, generation=2))
    assert await result(here, asked(2, "two", ASSOCIATION, 6)) is Result.SUPERSEDED


async def test_a_bootstrap_without_association_leaves_nothing_when_it_ends(
    here: Edge,
) -> None:
    await here.do(device().bootstrap(1, "one"), device().bootstrapped("one"))
    assert not await here.redis.exists(keys.bootstrap(device().bucket, device().id))


async def test_marks_are_kept_apart_by_device(here: Edge) -> None:
    await registered(here)
    other = device("urn:dev:2").register(1, **by(ASSOCIATION, 1))
    assert await result(here, other) is Result.REGISTERED
