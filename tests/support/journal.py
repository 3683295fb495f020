"""What a simulated fleet was answered, beside what its application was told."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import orjson

from tests.support.polling import until
from tests.support.system import Application, device_of, notices

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
BEFORE = frozenset({"handshake", "bootstrap"})
"""Operations of which it is told nothing."""
STATES = {
    "registrations": "registered",
    "reg-updates": "registered",
    **dict.fromkeys(ENDED, "deregistered"),
}


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
    application: Application, answered: Mapping[str, Sequence[Answer]]
) -> None:
    """Wait until the webhook was told of every answer, in the order of answers.

    They are by the ids of their devices.
    """
    assert all(map(expected, chain.from_iterable(answered.values())))

    async def complete() -> bool:
        return not untold(application, answered)

    with suppress(TimeoutError):
        await until(complete, seconds=30)
    assert untold(application, answered) == {}


def untold(
    application: Application, answered: Mapping[str, Sequence[Answer]]
) -> Mapping[str, object]:
    """Return the devices with an answer that the webhook was not told of, and why."""
    found = told(application)
    return {
        device: (each, kinds)
        for device, each in answered.items()
        if not follows(
            iter(kinds := [kind for kind, _ in found.get(device, ())]),
            meanings(each),
        )
    }


def expected(answer: Answer) -> bool:
    """Say whether an answer has a meaning, or says that there is none for now."""
    operation, code = answer
    return answer in MEANING or code == "5.03" or operation in BEFORE


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
