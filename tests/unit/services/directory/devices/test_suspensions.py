"""What a suspension and its end make of a device."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from homeport.errors import InvalidParameter
from services.directory.devices import suspensions
from services.directory.devices.device_bodies import Suspension

NOW = datetime(2026, 11, 25, tzinfo=UTC)
WHY = Suspension(category="maintenance", description="a new seal")


def row(*, suspended: bool = True) -> Any:
    return SimpleNamespace(
        operator_suspended=suspended, last_operator_suspended_category="maintenance"
    )


def test_a_suspension_says_why_and_when() -> None:
    assert suspensions.suspended(WHY, now=NOW) == {
        "operator_suspended": True,
        "last_operator_suspended_category": "maintenance",
        "last_operator_suspended_description": "a new seal",
        "last_operator_suspended_updated_at": NOW,
    }


def test_a_suspension_needs_a_category_that_is_known() -> None:
    with pytest.raises(InvalidParameter, match="category"):
        suspensions.suspended(Suspension(category="boredom"), now=NOW)


def test_the_same_category_ends_a_suspension() -> None:
    assert not suspensions.resumed(row(), WHY, now=NOW)["operator_suspended"]


def test_another_category_does_not() -> None:
    with pytest.raises(InvalidParameter, match="category"):
        suspensions.resumed(row(), Suspension(category="lost_or_stolen"), now=NOW)


def test_what_is_not_suspended_cannot_be_resumed() -> None:
    with pytest.raises(InvalidParameter, match="not suspended"):
        suspensions.resumed(row(suspended=False), WHY, now=NOW)


@pytest.mark.parametrize("reference", ["maintenance", "lost_or_stolen"])
def test_the_known_categories_are_shown(reference: str) -> None:
    shown = suspensions.CATEGORIES[reference]
    assert shown["reference"] == reference
    assert set(shown) == set(suspensions.CATEGORY_SCHEMA["properties"])
