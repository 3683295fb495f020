"""A name belongs to who registered it, and refusals are told: on every store."""

from collections.abc import AsyncIterator

import pytest

from homeport.events.facts import (
    BootstrapFailed,
    DeviceRegistered,
    RegistrationRefused,
)
from homeport.store import keys
from homeport.store.operations import Result
from tests.support.sessions import Edge, device, edge, fact_names, mark

pytestmark = pytest.mark.integration

OWNER, NEWCOMER = "psk:1", "certificate:2:1"


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def here(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


async def register(here: Edge, message_id: int, **changes: object) -> Result:
    (outcome,) = await here.do(device().register(message_id, **changes))
    return outcome.result


async def session(here: Edge) -> dict[bytes, bytes]:
    kept: dict[bytes, bytes] = await here.redis.hgetall(
        keys.session(device().bucket, device().id)
    )
    return kept


async def test_a_registration_says_whose_it_is(here: Edge) -> None:
    await register(here, 1, identity=OWNER, issued=1_700_000_000_123)
    await register(here, 2, identity=OWNER)
    first, second = await here.facts()
    assert isinstance(first, DeviceRegistered)
    assert isinstance(second, DeviceRegistered)
    assert (first.identity, first.credential_issued) == (OWNER, 1_700_000_000_123)
    assert second.credential_issued == 0


async def test_the_owner_registers_again(here: Edge) -> None:
    await register(here, 1, identity=OWNER)
    assert await register(here, 2, identity=OWNER) is Result.REGISTERED


@pytest.mark.parametrize("newcomer", [NEWCOMER, "psk:2", "nosec"])
async def test_another_identity_is_refused_and_the_session_untouched(
    here: Edge, newcomer: str
) -> None:
    await register(here, 1, identity=OWNER, mark=mark(1, 1))
    before = await session(here)
    foreign = {"identity": newcomer, "mark": mark(9, 9)}
    assert await register(here, 2, **foreign) is Result.FORBIDDEN
    assert await session(here) == before
    _, fact = await here.facts()
    assert isinstance(fact, RegistrationRefused)
    assert fact.device_id == device().id
    assert "another credential" in fact.reason


async def test_the_name_outlives_the_registration(here: Edge) -> None:
    (outcome,) = await here.do(device().register(1, identity=OWNER))
    gone = device().deregister(2, outcome.registration)._replace(identity=OWNER)
    await here.do(gone)
    await here.redis.delete(keys.session(device().bucket, device().id))
    assert await register(here, 3, identity=NEWCOMER) is Result.FORBIDDEN
    assert await register(here, 4, identity=OWNER) is Result.REGISTERED


async def test_refusing_again_and_again_is_told_once(here: Edge) -> None:
    await register(here, 1, identity=OWNER)
    for message_id in range(2, 20):
        result = await register(here, message_id, identity=NEWCOMER)
        assert result is Result.FORBIDDEN
    assert fact_names(await here.facts()) == [
        "device.registered",
        "registration.refused",
    ]
    assert await register(here, 20, identity=OWNER) is Result.REGISTERED


async def test_who_may_replace_is_the_owner_from_then_on(here: Edge) -> None:
    await register(here, 1, identity=OWNER)
    assert await register(here, 2, identity=NEWCOMER, replace=1) is Result.REGISTERED
    assert await register(here, 3, identity=OWNER) is Result.FORBIDDEN


async def test_a_name_without_security_is_anybodys(here: Edge) -> None:
    await register(here, 1)
    assert await register(here, 2, identity=OWNER) is Result.REGISTERED


async def test_nobody_replaces_an_identity_without_having_one(here: Edge) -> None:
    await register(here, 1, identity=OWNER)
    assert await register(here, 2, replace=1) is Result.FORBIDDEN


async def test_a_refusal_is_told_once_a_minute_for_each_device_and_fact(
    here: Edge,
) -> None:
    outcomes = await here.do(
        device().refuse(),
        device().refuse(),
        device().refuse("bootstrap.failed"),
        device("urn:dev:2").refuse(),
    )
    assert [outcome.result for outcome in outcomes] == [
        Result.RECORDED,
        Result.REPEATED,
        Result.RECORDED,
        Result.RECORDED,
    ]
    refused, failed = await here.facts_of(device().id)
    assert isinstance(refused, RegistrationRefused)
    assert isinstance(failed, BootstrapFailed)
    assert refused.fingerprint == failed.fingerprint == "ab"
    key = keys.refused(device().bucket, device().id, "registration.refused")
    assert 0 < await here.redis.ttl(key) <= 60


async def test_a_refusal_leaves_no_session(here: Edge) -> None:
    await here.do(device().refuse())
    assert await session(here) == {}
