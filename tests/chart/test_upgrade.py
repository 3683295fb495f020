"""An upgrade takes the values of before, and changes nothing that it could not."""

import json
from typing import Any

import pytest

from tests.support import chart, chart_checks, chart_golden
from tests.support.chart_golden import EDGE, FOLDER

VERSIONS = sorted(path.stem for path in FOLDER.glob("*.json"))
CASES = [
    (version, name)
    for version in VERSIONS
    for name in json.loads((FOLDER / f"{version}.json").read_text())
]


def test_the_rendering_that_is_kept_to_be_read_is_up_to_date() -> None:
    assert EDGE.read_text() == chart_golden.edge(), (
        "if this is meant: python -m tests.support.chart_golden"
    )


@pytest.mark.parametrize(("version", "name"), CASES)
def test_an_upgrade_keeps_what_cannot_be_changed(version: str, name: str) -> None:
    before = _before(version, name)
    after = chart_golden.kept(chart.render(before["values"]))
    for what, kept in before["kept"].items():
        found = dict(after.get(what, {}))
        if "keys" in kept:  # a Secret may have more of them
            found["keys"] = [key for key in found["keys"] if key in kept["keys"]]
        assert found == kept, what


@pytest.mark.parametrize("before", chart.files())
def test_no_value_changes_what_cannot_be_changed(before: str) -> None:
    """Whatever is switched on or off later, Deployments can stay."""
    first = chart_golden.kept(chart.release(before))
    for after in chart.files():
        second = chart_golden.kept(chart.release(after))
        for what in first.keys() & second.keys():
            if what.startswith("Deployment"):
                assert first[what] == second[what]


def test_an_upgrade_that_finds_its_secret_elsewhere_is_sound() -> None:
    made = chart.render(chart.values("everything"), upgrade=True)
    assert chart_checks.faults(made) == []


def _before(version: str, name: str) -> Any:
    return json.loads((FOLDER / f"{version}.json").read_text())[name]
