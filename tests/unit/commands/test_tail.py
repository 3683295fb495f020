"""`homeport events tail` shows the facts that are wanted, each in a line."""

from typing import Any

import pytest

from homeport.commands.tail import Wanted, line, parse
from homeport.errors import InvalidFormat
from homeport.events.facts import FactName
from homeport.names import AccountId

ACCOUNT = AccountId("a" * 32)
FACT: dict[str, Any] = {
    "fact": "device.registered",
    "time": "2026-11-25T12:00:00.123456Z",
    "device_id": "0" * 32,
    "endpoint_name": "kitchen",
    "lifetime": 60,
    "resources": [],
    "changes": [],
}


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(ACCOUNT),
        Wanted(ACCOUNT, facts=frozenset({FactName.DEVICE_REGISTERED})),
        Wanted(ACCOUNT, devices=frozenset({"kitchen", "attic"})),
        Wanted(ACCOUNT, devices=frozenset({"0" * 32})),
    ],
)
def test_what_is_wanted_is_shown(wanted: Wanted) -> None:
    assert wanted.has(FACT)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(ACCOUNT, facts=frozenset({FactName.DEVICE_DEREGISTERED})),
        Wanted(ACCOUNT, devices=frozenset({"attic"})),
        Wanted(ACCOUNT, frozenset({FactName.BOOTSTRAP_FAILED}), frozenset({"kitchen"})),
    ],
)
def test_the_rest_is_not(wanted: Wanted) -> None:
    assert not wanted.has(FACT)


def test_a_fact_is_a_line() -> None:
    assert line(FACT).plain == (
        "2026-11-25T12:00:00  device.registered       kitchen  lifetime=60"
    )


def test_what_changed_is_told() -> None:
    changed = FACT | {"fact": "registration.updated", "changes": ["binding", "ct"]}
    assert line(changed).plain.endswith("changes=binding, ct")


def test_a_name_cannot_control_the_terminal() -> None:
    assert "\x1b" not in line(FACT | {"endpoint_name": "\x1b[2J"}).plain


def test_a_fact_of_a_newer_kind_is_shown() -> None:
    fact = parse(b'{"fact":"device.danced","endpoint_name":"kitchen"}')
    assert line(fact).plain.endswith("kitchen")


@pytest.mark.parametrize("body", [b"", b"[]", b"{"])
def test_what_is_no_fact_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(InvalidFormat):
        parse(body)
