"""What every store of DTLS associations promises: standalone and on a cluster."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from homeport.associations import Associations, Floating, Taken
from homeport.identity import Identity, Means, Service
from homeport.keyring import Keyring, Resealed
from homeport.names import AccountId, EdgeId
from homeport.store import keys
from homeport.store.associations import AssociationStore
from tests.support.sessions import ACCOUNT, Edge, edge

pytestmark = pytest.mark.integration

SECONDS = 3_600
LAST_GENERATION = 2**24 - 1
KEYRING = Keyring([bytes(32)])
ONE = Floating(
    place="0a1b2c3d",
    id="1" * 28,
    secrets=b"\x00keys",
    identity=Identity(
        "psk:1", Means.SHARED_KEY, AccountId(ACCOUNT), rests_on=("psk:lwm2m:1",)
    ),
    peer="127.0.0.1:40000",
    received=10,
)
OTHER = replace(ONE, place="127.0.0.1:40001", id="2" * 28)


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


def associations(store: Edge, name: str, *, keyring: Keyring = KEYRING) -> Associations:
    return AssociationStore(
        store.redis,
        edge=EdgeId(name),
        service=Service.LWM2M,
        keyring=keyring,
        seconds=SECONDS,
    )


@pytest.fixture
async def here(store: Edge) -> Associations:
    made = associations(store, "here")
    await made.save([ONE, OTHER])
    return made


@pytest.fixture
def there(store: Edge) -> Associations:
    return associations(store, "there")


def key(association: Floating) -> str:
    return keys.association(Service.LWM2M, association.place)


async def test_what_one_edge_saved_another_finds(
    here: Associations, there: Associations
) -> None:
    found = await there.find([OTHER.place, "nowhere", ONE.place])
    assert found == [OTHER, None, ONE]


async def test_nothing_asked_is_nothing_answered(here: Associations) -> None:
    await here.save([])
    await here.rest([])
    await here.drop([])
    assert await here.find([]) == []
    assert await here.take([]) == []


async def test_an_association_is_kept_for_a_time_and_its_keys_are_sealed(
    here: Associations, store: Edge
) -> None:
    assert 0 < await store.redis.ttl(key(ONE)) <= SECONDS
    kept = await store.redis.hgetall(key(ONE))
    assert not any(b"keys" in value for value in kept.values())


async def test_it_cannot_be_moved_to_another_place(
    here: Associations, store: Edge
) -> None:
    await store.redis.hset(key(OTHER), mapping=await store.redis.hgetall(key(ONE)))
    assert await here.find([OTHER.place]) == [None]


async def test_what_cannot_be_opened_any_more_is_gone(
    here: Associations, store: Edge
) -> None:
    rotated = associations(store, "rotated", keyring=Keyring([b"x" * 32]))
    assert await rotated.find([ONE.place]) == [None]


async def test_what_is_sealed_anew_needs_the_older_secret_no_more(
    here: Associations, there: Associations, store: Edge
) -> None:
    await there.take([(ONE, 11)])
    lost = replace(ONE, place="0a", id="3" * 28)
    await associations(store, "lost", keyring=Keyring([b"x" * 32])).save([lost])
    newest = Keyring([b"n" * 32])
    rotated = AssociationStore(
        store.redis,
        edge=EdgeId("r"),
        service=Service.LWM2M,
        keyring=Keyring([b"n" * 32, bytes(32)]),
    )
    assert await rotated.reseal() == Resealed(found=2, anew=2)
    assert await rotated.reseal() == Resealed(found=2, anew=0)
    alone = associations(store, "alone", keyring=newest)
    assert await alone.find([ONE.place, OTHER.place]) == [
        replace(ONE, received=11),
        OTHER,
    ]
    assert await alone.take([(ONE, 12)]) == [Taken(3, "there")]
    assert 0 < await store.redis.ttl(key(OTHER)) <= SECONDS


async def test_services_do_not_find_each_others(
    here: Associations, store: Edge
) -> None:
    bootstrap = AssociationStore(
        store.redis, edge=EdgeId("b"), service=Service.BOOTSTRAP, keyring=KEYRING
    )
    assert await bootstrap.find([ONE.place]) == [None]


async def test_who_takes_it_has_the_next_generation(
    here: Associations, there: Associations
) -> None:
    assert await there.take([(ONE, 11)]) == [Taken(2, "here")]
    assert await here.take([(ONE, 12)]) == [Taken(3, "there")]
    assert await here.take([(ONE, 13)]) == [Taken(4, "here")]


@pytest.mark.parametrize("sequence", [9, 10])
async def test_a_record_that_has_arrived_gives_no_reason(
    there: Associations, here: Associations, sequence: int
) -> None:
    assert await there.take([(ONE, sequence)]) == [None]


async def test_one_record_gives_reason_once(
    here: Associations, there: Associations
) -> None:
    assert await there.take([(ONE, 12), (ONE, 12), (ONE, 11)]) == [
        Taken(2, "here"),
        None,
        None,
    ]
    assert await here.take([(ONE, 12)]) == [None]
    (found,) = await here.find([ONE.place])
    assert found == replace(ONE, received=12)


async def test_one_that_is_gone_or_another_by_now_is_not_taken(
    here: Associations,
) -> None:
    wanted = [(replace(ONE, place="nowhere"), 11), (replace(ONE, id="0" * 28), 11)]
    assert await here.take([*wanted, (OTHER, 11)]) == [None, None, Taken(2, "here")]


async def test_its_last_generation_is_the_last(here: Associations, store: Edge) -> None:
    await store.redis.hset(key(ONE), "generation", LAST_GENERATION - 1)
    assert await here.take([(ONE, 11)]) == [Taken(LAST_GENERATION, "here")]
    assert await here.take([(ONE, 12)]) == [None]


async def test_the_largest_sequences_are_told_apart(here: Associations) -> None:
    assert await here.take([(ONE, 2**48 - 2)]) == [Taken(2, "here")]
    assert await here.take([(ONE, 2**48 - 2)]) == [None]
    assert await here.take([(ONE, 2**48 - 1)]) == [Taken(3, "here")]


async def test_what_has_arrived_never_goes_back(
    here: Associations, there: Associations
) -> None:
    await here.rest([replace(ONE, received=50), replace(OTHER, received=60)])
    await there.rest([replace(ONE, received=40)])
    found = await here.find([ONE.place, OTHER.place])
    assert [each and each.received for each in found] == [50, 60]
    assert await there.take([(ONE, 50), (ONE, 51)]) == [None, Taken(2, "here")]


async def test_who_speaks_first_has_a_generation_of_its_own_too(
    here: Associations, there: Associations
) -> None:
    assert await there.recall([ONE, OTHER]) == [Taken(2, "here"), Taken(2, "here")]
    assert await here.take([(ONE, 11)]) == [Taken(3, "there")]
    assert await there.recall([replace(ONE, received=11)]) == [Taken(4, "here")]


async def test_what_it_has_heard_of_gives_no_reason_after_that(
    here: Associations, there: Associations
) -> None:
    assert await there.recall([replace(ONE, received=50)]) == [Taken(2, "here")]
    assert await here.take([(ONE, 50), (ONE, 51)]) == [None, Taken(3, "there")]


async def test_one_that_has_been_heard_since_is_not_recalled(
    here: Associations, there: Associations
) -> None:
    await here.rest([replace(ONE, received=11)])
    assert await there.recall([ONE]) == [None]


async def test_one_that_is_gone_or_another_by_now_is_not_recalled(
    here: Associations, store: Edge
) -> None:
    await store.redis.hset(key(OTHER), "generation", LAST_GENERATION)
    wanted = [replace(ONE, place="nowhere"), replace(ONE, id="0" * 28), OTHER]
    assert await here.recall(wanted) == [None, None, None]


async def test_that_one_speaks_to_it_keeps_it_no_longer(
    here: Associations, store: Edge
) -> None:
    await store.redis.expire(key(ONE), 5)
    assert await here.recall([ONE]) == [Taken(2, "here")]
    assert await store.redis.ttl(key(ONE)) <= 5


@pytest.mark.parametrize("sign", ["save", "take", "rest"])
async def test_a_sign_of_life_keeps_it_for_longer(
    here: Associations, store: Edge, sign: str
) -> None:
    await store.redis.expire(key(ONE), 5)
    match sign:
        case "save":
            await here.save([ONE])
        case "take":
            await here.take([(ONE, 11)])
        case _:
            await here.rest([ONE])
    assert await store.redis.ttl(key(ONE)) > 5


async def test_a_rest_of_one_that_is_gone_leaves_nothing(
    here: Associations, store: Edge
) -> None:
    await here.drop([ONE])
    await here.rest([ONE])
    assert not await store.redis.exists(key(ONE))


async def test_a_new_one_takes_the_place_of_an_old_one(
    here: Associations, there: Associations
) -> None:
    await there.take([(ONE, 11)])
    new = replace(ONE, id="9" * 28, received=0)
    await there.save([new])
    await here.drop([ONE])
    await here.rest([replace(ONE, received=99)])
    assert await here.find([ONE.place]) == [new]
    assert await here.take([(new, 1)]) == [Taken(2, "there")]


async def test_one_that_is_dropped_is_gone(here: Associations) -> None:
    await here.drop([ONE])
    await here.drop([ONE])
    assert await here.find([ONE.place, OTHER.place]) == [None, OTHER]
