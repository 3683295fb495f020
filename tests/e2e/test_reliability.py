"""What only a long run on a whole platform shows: thousands at once, lost stores."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from redis.asyncio import Redis

from homeport.client import UnknownKey
from homeport.simulator.factory import SharedCertificate
from homeport.simulator.fleet import Fleet
from homeport.simulator.options import FleetOptions, Habit, Target
from homeport.simulator.report import Report
from tests.support import customer
from tests.support.homeport import content, homeport
from tests.support.journal import answers
from tests.support.polling import until
from tests.support.servers import folder
from tests.support.system import Application, System, notices, system

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

STORM = 4_000
STORM_SECONDS = 60
HANDSHAKES = 2
"""Of each device, one with either server; a third would be a credential lost."""
DEVICES = 50
ROLLED = 200
WINDOW_SECONDS = 5
MOST_REPEATED = 0.01


@pytest.mark.conforms("C-239", "Leshan 895")
async def test_thousands_of_devices_that_come_at_once_are_home_within_a_minute(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "journal"
    manner = ("--rate", "100000", "--turn", "3000", "--lifetime", "3600")
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # with other things
    with folder() as data:
        async with system(data) as serving, serving.application() as application:
            async with homeport(
                *("simulate", "--ready-file", str(serving.ready_file), *manner),
                *("--devices", str(STORM), "--mix", "update=1"),
                *("--journal", str(journal)),
            ) as fleet:
                await registered(application, STORM, seconds=STORM_SECONDS * busy)
                assert await fleet.end() == 0
            assert serving.faults() == []
    said = Counter(answer for each in answers(journal).values() for answer in each)
    assert said["handshake", "full"] == HANDSHAKES * STORM
    assert said["register", "2.01"] == STORM


@pytest.mark.conforms("C-238")
async def test_when_the_store_is_emptied_every_device_comes_home_as_itself() -> None:
    fleet = ("--devices", str(DEVICES), "--turn", "2", "--mix", "update=100")
    with folder() as data:
        async with (
            system(data, "--nosec") as serving,
            serving.application() as application,
            homeport(
                *("simulate", "--ready-file", str(serving.ready_file), *fleet)
            ) as simulated,
        ):
            await registered(application, DEVICES, seconds=60)
            before = await application.states()
            async with Redis.from_url(content(serving.ready_file)["redis"]) as redis:
                await redis.flushall()

            async def again() -> bool:
                kinds = Counter(kind for kind, _ in notices(application.webhook))
                return kinds["registrations"] >= 2 * DEVICES

            async def same() -> bool:
                try:
                    return await application.states() == before
                except UnknownKey:  # until the directory has written the trust view
                    return False

            await until(again, seconds=120)
            await until(same, seconds=30)
            assert set(before.values()) == {"registered"}
            assert await simulated.end() == 0


@pytest.mark.conforms("C-253")
async def test_a_rolling_restart_of_all_edges_is_hardly_noticed(tmp_path: Path) -> None:
    with folder() as data:
        async with (
            system(data, "--scale", "lwm2m=3") as serving,
            serving.application() as application,
        ):
            shared = await customer.developer_certificate(application.api, "rolled")
            wanted = FleetOptions(
                devices=ROLLED,
                target=Target(bootstrap=serving.secured_bootstrap),
                turn=1,
                mix={Habit.UPDATE: 1},
                factory=SharedCertificate(shared),
            )
            with Fleet(wanted) as fleet:
                living = asyncio.create_task(fleet.run())
                await registered(application, ROLLED, seconds=120)
                with sampled(fleet.report) as samples:
                    for number in range(3):
                        await replaced(serving, number)
                    seen = len(samples)
                    await until(lambda: grown(samples, seen + WINDOW_SECONDS))
                fleet.stop()
                await living
            assert serving.faults() == []
    windows = zip(samples, samples[WINDOW_SECONDS:], strict=False)
    for (answered, repeated), (later, repeated_later) in windows:
        assert repeated_later - repeated <= MOST_REPEATED * (later - answered)
    assert all(before < after for (before, _), (after, _) in pairwise(samples))


async def registered(application: Application, many: int, *, seconds: float) -> None:
    """Wait until so many devices are registered."""

    async def home() -> bool:
        page = await application.read(
            "/v3/devices/", state__eq="registered", include="total_count"
        )
        return bool(page["total_count"] == many)

    await until(home, seconds=seconds)


async def replaced(serving: System, number: int) -> None:
    """Let an edge leave in order, and wait for its successor."""
    leaving = serving.processes["lwm2m"][number]
    os.kill(leaving, signal.SIGTERM)
    await serving.until_replaced("lwm2m", leaving, count=3)


async def grown(samples: Sequence[object], length: int) -> bool:
    return len(samples) >= length


@contextmanager
def sampled(report: Report) -> Iterator[Sequence[tuple[int, int]]]:
    """Note each second how many answers and repetitions there have been."""
    samples: list[tuple[int, int]] = []

    async def note() -> None:
        while True:
            samples.append((report.operations, report.repeated.total()))
            await asyncio.sleep(1)

    noting = asyncio.create_task(note())
    try:
        yield samples
    finally:
        noting.cancel()
