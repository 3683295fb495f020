"""A device that has to leave has left, a suspended one stays away: on every store."""

from collections.abc import AsyncIterator

import pytest

from homeport.events.facts import (
    QueueCleared,
    RegistrationRefused,
    RequestCompleted,
    RequestOutcome,
)
from homeport.identity import NOBODY
from homeport.store.operations import Dismiss, Readmit, Result
from tests.support.sessions import Edge, device, edge, fact_names

pytestmark = pytest.mark.integration

DEVICE = device()
SUSPEND = Dismiss(DEVICE.bucket, DEVICE.id, "suspended")
DELETE = Dismiss(DEVICE.bucket, DEVICE.id, "deleted")
WITHDRAW = Dismiss(DEVICE.bucket, DEVICE.id, "withdrawn", NOBODY.name)
READMIT = Readmit(DEVICE.bucket, DEVICE.id)


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def here(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


async def register(here: Edge, message_id: int) -> tuple[Result, str]:
    (outcome,) = await here.do(DEVICE.register(message_id))
    return outcome.result, outcome.registration


async def dismiss(here: Edge, operation: Dismiss = SUSPEND) -> Result:
    (outcome,) = await here.do(operation)
    return outcome.result


@pytest.mark.parametrize("operation", [SUSPEND, DELETE])
async def test_its_registration_ends_like_any_other(
    here: Edge, operation: Dismiss
) -> None:
    _, location = await register(here, 1)
    assert await dismiss(here, operation) is Result.DEREGISTERED
    assert fact_names(await here.facts()) == [
        "device.registered",
        "device.deregistered",
    ]
    (outcome,) = await here.do(DEVICE.refresh(2, location))
    assert outcome.result is Result.UNKNOWN


async def test_its_waiting_requests_are_cleared_with_the_reason(here: Edge) -> None:
    await register(here, 1)
    await here.do(DEVICE.enqueue("1"))
    await dismiss(here)
    _, completed, cleared, _ = await here.facts()
    assert isinstance(completed, RequestCompleted)
    assert completed.outcome is RequestOutcome.BLOCKED
    assert isinstance(cleared, QueueCleared)
    assert cleared.reason == "suspended"


async def test_a_suspended_device_is_refused_until_it_is_readmitted(here: Edge) -> None:
    await dismiss(here)
    assert await register(here, 1) == (Result.SUSPENDED, "")
    (told,) = await here.facts()
    assert isinstance(told, RegistrationRefused)
    assert told.reason == "the device is suspended"
    await here.do(READMIT)
    result, _ = await register(here, 2)
    assert result is Result.REGISTERED


async def test_a_deleted_device_may_come_back(here: Edge) -> None:
    await register(here, 1)
    await dismiss(here, DELETE)
    result, _ = await register(here, 2)
    assert result is Result.REGISTERED


async def test_doing_it_twice_is_doing_it_once(here: Edge) -> None:
    await register(here, 1)
    await dismiss(here)
    before = await here.facts()
    assert await dismiss(here) is Result.UNKNOWN
    assert await here.facts() == before
    await here.do(READMIT, READMIT)
    result, _ = await register(here, 2)
    assert result is Result.REGISTERED


async def test_who_has_registered_with_something_else_stays(here: Edge) -> None:
    await register(here, 1)
    assert await dismiss(here, WITHDRAW._replace(identity="psk:1")) is Result.UNKNOWN
    assert await dismiss(here, WITHDRAW) is Result.DEREGISTERED
    assert fact_names(await here.facts()) == [
        "device.registered",
        "device.deregistered",
    ]
