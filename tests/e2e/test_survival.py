"""Whatever is killed, nothing that a device was answered is lost."""

import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.homeport import homeport
from tests.support.polling import until
from tests.support.servers import folder
from tests.support.system import Application, System, device_of, notices, system

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

Answer = tuple[str, str]
"""Operation and code."""

ENDED = frozenset({"registrations-expired", "de-registrations"})
MEANING: Mapping[Answer, frozenset[str]] = {
    ("register", "2.01"): frozenset({"registrations"}),
    ("update", "2.04"): frozenset({"reg-updates"}),
    ("deregister", "2.02"): frozenset({"de-registrations"}),
    ("update", "4.04"): ENDED,
    ("deregister", "4.04"): ENDED,
}
"""What the application was told before a device was answered like this."""
STATES = {
    "registrations": "registered",
    "reg-updates": "registered",
    **dict.fromkeys(ENDED, "deregistered"),
}


async def test_nothing_that_was_answered_is_lost(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with folder() as data:
        async with (
            system(
                data, "--scale", "lwm2m=2", HOMEPORT_EXPIRY_GRACE_SECONDS="0"
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
            await everything_told(application, answers(journal))
            in_order(application)
            await directory_agrees(application)
            assert serving.faults() == []


async def kill(serving: System, name: str, application: Application) -> None:
    """Kill a process; wait for its successor, and until life goes on."""
    killed, *others = serving.processes[name]
    os.kill(killed, signal.SIGKILL)

    async def back() -> bool:
        pids = serving.processes.get(name, ())
        return killed not in pids and len(pids) == 1 + len(others)

    await until(back, seconds=30)
    await application.webhook.until_items(
        len(application.webhook.items()) + BETWEEN, seconds=30
    )


async def all_home(application: Application) -> None:
    async def home() -> bool:
        return len(told(application)) == DEVICES

    await until(home, seconds=60)


def answers(journal: Path) -> Mapping[str, Sequence[Answer]]:
    """Read what each device was answered, in order."""
    lines = [orjson.loads(line) for line in journal.read_bytes().splitlines()]
    lines.sort(key=lambda line: line["endpoint_name"])
    return {
        name: [(line["operation"], line["code"]) for line in group]
        for name, group in groupby(lines, key=lambda line: line["endpoint_name"])
    }


def told(application: Application) -> Mapping[str, Sequence[tuple[str, int]]]:
    """Return what the webhook was told of each device: kinds and revisions, once."""
    found: dict[str, dict[int, str]] = {}
    for kind, item in notices(application.webhook):
        found.setdefault(device_of(item), {}).setdefault(revision(item), kind)
    return {
        device: [(kind, number) for number, kind in each.items()]
        for device, each in found.items()
    }


def revision(item: Mapping[str, Any]) -> int:
    return int(item["uid"].partition(".")[2])


def in_order(application: Application) -> None:
    """Check that what was told for the first time came in the order of events."""
    for device, each in told(application).items():
        revisions = [number for _, number in each]
        assert revisions == sorted(revisions), device


async def everything_told(
    application: Application, journal: Mapping[str, Sequence[Answer]]
) -> None:
    """Wait until the webhook was told of every answer, in the order of answers."""
    assert len(journal) == DEVICES
    assert all(map(expected, chain.from_iterable(journal.values())))

    def missing() -> Mapping[str, object]:
        found = told(application)
        return {
            name: (answered, kinds)
            for name, answered in journal.items()
            if not follows(
                iter(kinds := [kind for kind, _ in found[application.device_id(name)]]),
                meanings(answered),
            )
        }

    async def complete() -> bool:
        return not missing()

    with suppress(TimeoutError):
        await until(complete, seconds=30)
    assert missing() == {}


def expected(answer: Answer) -> bool:
    """Say whether an answer has a meaning, or says that there is none for now."""
    operation, code = answer
    return answer in MEANING or code == "5.03" or operation == "bootstrap"


def meanings(answered: Iterable[Answer]) -> Iterator[frozenset[str]]:
    return (MEANING[answer] for answer in answered if answer in MEANING)


def follows(kinds: Iterator[str], wanted: Iterable[frozenset[str]]) -> bool:
    """Say whether all that is wanted comes in this order, with more in between."""
    return all(any(kind in each for kind in kinds) for each in wanted)


async def directory_agrees(application: Application) -> None:
    """Wait until the directory has each device as the webhook was told last."""

    async def agrees() -> bool:
        last = {
            device: STATES[max(each, key=lambda notice: notice[1])[0]]
            for device, each in told(application).items()
        }
        return await application.states() == last

    await until(agrees)
