"""Whatever is killed, nothing that a device was answered is lost."""

from pathlib import Path

import pytest

from tests.support.homeport import homeport
from tests.support.journal import (
    answers,
    directory_agrees,
    everything_told,
    in_order,
    told,
)
from tests.support.polling import until
from tests.support.servers import folder
from tests.support.system import Application, System, system

pytestmark = pytest.mark.e2e

DEVICES = 200
FLEET = (
    *("--devices", str(DEVICES), "--rate", "15", "--lifetime", "20", "--turn", "2"),
    *("--mix", "update=70,change=15,deregister=10,sleep=5"),
)
VICTIMS_OF_ARRIVALS = ("bootstrap", "lwm2m", "valkey", "nats")
VICTIMS_OF_A_BUSY_FLEET = (
    *("notifier", "lwm2m", "directory", "postgres", "expiry", "valkey", "api"),
    *("notifier", "nats"),
)
BETWEEN = 100
"""Notifications that have to arrive before the next process dies."""


@pytest.mark.conforms("C-251", "B-186", "B-187")
async def test_nothing_that_was_answered_is_lost(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with folder() as data:
        async with (
            system(
                *(data, "--nosec", "--scale", "lwm2m=2"),
                HOMEPORT_EXPIRY_GRACE_SECONDS="0",
            ) as serving,
            serving.application(
                deregistrations_as_object=True, include_uid=True
            ) as application,
        ):
            async with homeport(
                *("simulate", "--ready-file", str(serving.ready_file), *FLEET),
                *("--journal", str(journal)),
            ) as fleet:
                for name in VICTIMS_OF_ARRIVALS:
                    await kill(serving, name, application)
                await all_home(application)
                for name in VICTIMS_OF_A_BUSY_FLEET:
                    await kill(serving, name, application)
                assert await fleet.end() == 0
            answered = answers(journal)
            assert len(answered) == DEVICES
            await everything_told(
                application,
                {application.device_id(name): each for name, each in answered.items()},
            )
            in_order(application)
            await directory_agrees(application)
            assert serving.faults() == []


async def kill(serving: System, name: str, application: Application) -> None:
    """Kill a process; wait for its successor, and until life goes on."""
    count = len(serving.processes[name])
    killed = await serving.kill(name)
    await serving.until_replaced(name, killed, count=count)
    await application.webhook.until_items(
        len(application.webhook.items()) + BETWEEN, seconds=30
    )


async def all_home(application: Application) -> None:
    async def home() -> bool:
        return len(told(application)) == DEVICES

    await until(home, seconds=60)
