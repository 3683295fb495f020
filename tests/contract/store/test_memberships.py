"""Which devices are in which groups, as it is told and asked."""

from collections.abc import AsyncIterator

import pytest

from homeport.errors import Unavailable
from homeport.names import AccountId, DeviceId
from homeport.store import connection
from homeport.store.memberships import Membership, Memberships
from homeport.store.trust import TrustView
from tests.support.line import line
from tests.support.sessions import ACCOUNT, Edge, edge

pytestmark = pytest.mark.integration

OTHER = AccountId("f" * 32)
KETTLES, POTS = "1" * 32, "2" * 32
ONE, TWO, THREE = (DeviceId(digit * 32) for digit in "abc")
DEVICES = [ONE, TWO, THREE]


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


@pytest.fixture
async def memberships(store: Edge) -> Memberships:
    await TrustView(store.redis).put_fingerprint("whole")
    made = Memberships(store.redis)
    await made.put(
        [
            Membership(ACCOUNT, KETTLES, ONE),
            Membership(ACCOUNT, POTS, TWO),
            Membership(OTHER, KETTLES, THREE),
        ]
    )
    return made


async def test_devices_are_in_any_of_the_groups(memberships: Memberships) -> None:
    assert await memberships.within(ACCOUNT, [KETTLES], DEVICES) == {ONE}
    assert await memberships.within(ACCOUNT, [KETTLES, POTS], DEVICES) == {ONE, TWO}
    assert await memberships.within(ACCOUNT, [KETTLES], [TWO]) == set()


async def test_another_accounts_group_is_as_one_that_is_not_there(
    memberships: Memberships,
) -> None:
    assert await memberships.within(OTHER, [KETTLES, POTS], DEVICES) == {THREE}
    assert await memberships.within(ACCOUNT, ["0" * 32], DEVICES) == set()


async def test_what_is_told_twice_is_told_once(memberships: Memberships) -> None:
    for _ in range(2):
        await memberships.put([Membership(ACCOUNT, KETTLES, TWO)])
        assert await memberships.within(ACCOUNT, [KETTLES], DEVICES) == {ONE, TWO}
    for _ in range(2):
        await memberships.remove([Membership(ACCOUNT, KETTLES, ONE)])
        assert await memberships.within(ACCOUNT, [KETTLES], DEVICES) == {TWO}


async def test_a_group_that_is_dissolved_has_no_devices(
    memberships: Memberships,
) -> None:
    for _ in range(2):
        await memberships.dissolve([(ACCOUNT, KETTLES), (ACCOUNT, POTS)])
    assert await memberships.within(ACCOUNT, [KETTLES, POTS], DEVICES) == set()
    assert await memberships.within(OTHER, [KETTLES], DEVICES) == {THREE}


async def test_who_asks_for_nothing_is_told_of_nobody(
    memberships: Memberships,
) -> None:
    assert await memberships.within(ACCOUNT, [], DEVICES) == set()
    assert await memberships.within(ACCOUNT, [KETTLES], []) == set()


async def test_nobody_is_told_to_be_in_no_group_while_the_view_is_lost(
    memberships: Memberships, store: Edge
) -> None:
    await TrustView(store.redis).mark_lost()
    with pytest.raises(Unavailable, match="not written whole"):
        await memberships.within(ACCOUNT, [KETTLES], DEVICES)


async def test_redis_may_be_away(redis_url: str) -> None:
    async with line(redis_url) as (way, far):
        redis = await connection.connect(far)
        cut_off, kettle = Memberships(redis), Membership(ACCOUNT, KETTLES, ONE)
        way.cut()
        for asked in (
            cut_off.put([kettle]),
            cut_off.remove([kettle]),
            cut_off.dissolve([(ACCOUNT, KETTLES)]),
            cut_off.within(ACCOUNT, [KETTLES], [ONE]),
        ):
            with pytest.raises(Unavailable, match="Redis"):
                await asked
        await redis.aclose()
