"""When the expiry service wakes up."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from homeport.events.facts import AnyFact, DeviceDeregistered, DeviceRegistered
from services.expiry.handlers import Alarm, Patience, wake_for

PATIENCE = Patience(grace=2_000, outage_grace=0)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def registered(lifetime: int) -> DeviceRegistered:
    return DeviceRegistered(
        id="1",
        time=NOW,
        revision=1,
        account_id="a" * 32,
        device_id="d" * 32,
        endpoint_name="kitchen",
        registration_id="r",
        lifetime=lifetime,
        expires_at=NOW + timedelta(seconds=lifetime),
        binding="U",
        queue_mode=False,
        lwm2m_version="1.1",
        endpoint_type="",
        profile="standard",
        resources=(),
    )


def deregistered() -> DeviceDeregistered:
    return DeviceDeregistered(
        id="2",
        time=NOW,
        revision=2,
        account_id="a" * 32,
        device_id="d" * 32,
        endpoint_name="kitchen",
        registration_id="r",
    )


async def asleep(alarm: Alarm, seconds: float) -> asyncio.Task[None]:
    """Put an alarm to sleep."""
    task = asyncio.create_task(
        alarm.sleep_until(asyncio.get_running_loop().time() + seconds)
    )
    await asyncio.sleep(0)
    return task


async def test_a_moment_that_has_passed_is_not_awaited() -> None:
    async with asyncio.timeout(5):
        await Alarm().sleep_until(asyncio.get_running_loop().time() - 1)


async def test_a_pull_forward_wakes_it_up() -> None:
    alarm = Alarm()
    sleeping = await asleep(alarm, 3_600)
    alarm.pull(asyncio.get_running_loop().time())
    async with asyncio.timeout(5):
        await sleeping


@pytest.mark.parametrize(
    "facts",
    [[deregistered()], [registered(7_200)], [registered(3_599), deregistered()]],
)
async def test_what_ends_later_than_planned_leaves_it_asleep(
    facts: Sequence[AnyFact],
) -> None:
    alarm = Alarm()
    sleeping = await asleep(alarm, 3_600)
    await wake_for(facts, alarm, PATIENCE)
    await asyncio.sleep(0)
    assert not sleeping.done()
    sleeping.cancel()


async def test_a_registration_that_ends_sooner_wakes_it_up_in_time() -> None:
    alarm = Alarm()
    loop = asyncio.get_running_loop()
    sleeping = await asleep(alarm, 3_600)
    started = loop.time()
    await wake_for([registered(1)], alarm, Patience(grace=-900, outage_grace=0))
    async with asyncio.timeout(5):
        await sleeping
    assert loop.time() - started >= 0.09
