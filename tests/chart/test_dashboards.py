"""Dashboards ask for what there is, and every panel can be read."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import promql, promtool

FOLDER = Path(__file__).parents[2] / "deploy" / "k8s" / "homeport" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
NAMES = ("channels", "edges", "fleet", "pipeline", "saturation")
VARIABLES = {"$__rate_interval": "5m", "$job": ".*"}
WIDTH = 24
LETTERS = 6
"""Of a title, in a column: what fits on a screen of 1400 pixels."""


def name(file: Path) -> str:
    return file.stem


def dashboard(file: Path) -> Mapping[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def expressions(file: Path) -> Iterator[str]:
    for panel in dashboard(file)["panels"]:
        for target in panel["targets"]:
            text = str(target["expr"])
            for variable, value in VARIABLES.items():
                text = text.replace(variable, value)
            yield text


def test_these_are_all() -> None:
    assert tuple(map(name, FILES)) == NAMES


def test_each_has_an_address_of_its_own() -> None:
    addresses = [dashboard(file)["uid"] for file in FILES]
    assert addresses == [f"homeport-{name}" for name in NAMES]


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("rate(homeport_made_up_total[5m])", "there is no homeport_made_up_total"),
        ('sum(homeport_ready{color="red"})', "homeport_ready has no color"),
        ("sum by (color) (homeport_ready)", "no label color"),
        ("homeport_loop_pause_seconds", "there is no homeport_loop_pause_seconds"),
    ],
)
def test_what_does_not_exist_would_be_found(expression: str, fault: str) -> None:
    assert promql.faults([expression]) == [f"{fault}: {expression}"]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_it_asks_only_for_metrics_and_labels_that_exist(file: Path) -> None:
    assert promql.faults(expressions(file)) == []


@promtool.needed
@pytest.mark.parametrize("file", FILES, ids=name)
def test_prometheus_understands_every_question(file: Path, tmp_path: Path) -> None:
    rules = [
        {"record": f"asked:{number}", "expr": expression}
        for number, expression in enumerate(expressions(file))
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "asked", "rules": rules}]}))
    promtool.run("check", "rules", path)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_it_asks_only_about_the_chosen_job(file: Path) -> None:
    for panel in dashboard(file)["panels"]:
        for target in panel["targets"]:
            asked = promql.read(target["expr"])
            assert all("job" in labels for labels in asked.selected.values()), asked


@pytest.mark.parametrize("file", FILES, ids=name)
def test_it_asks_the_data_source_that_its_reader_chooses(file: Path) -> None:
    told = json.dumps(dashboard(file))
    assert set(re.findall(r'"uid": "(\$[^"]*)"', told)) == {"${datasource}"}
    variables = [each["name"] for each in dashboard(file)["templating"]["list"]]
    assert variables == ["datasource", "job"]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_panel_has_a_title_a_unit_and_named_lines(file: Path) -> None:
    panels = dashboard(file)["panels"]
    titles = [panel["title"] for panel in panels]
    assert len(set(titles)) == len(titles)
    for panel in panels:
        assert panel["fieldConfig"]["defaults"]["unit"]
        if panel["type"] != "stat":
            assert all(target["legendFormat"] for target in panel["targets"]), panel


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_title_can_be_read_whole(file: Path) -> None:
    for panel in dashboard(file)["panels"]:
        longest = LETTERS * panel["gridPos"]["w"]
        assert len(panel["title"]) <= longest, panel["title"]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_lines_are_named_by_what_tells_them_apart(file: Path) -> None:
    """Two lines of one name could not be told apart, and a missing label is empty."""
    for panel in dashboard(file)["panels"]:
        if panel["type"] == "stat":
            continue
        legends = [target["legendFormat"] for target in panel["targets"]]
        assert len(set(legends)) == len(legends), panel["title"]
        for target in panel["targets"]:
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            grouped = promql.read(target["expr"]).grouped - {"le"}
            assert named == grouped, target


@pytest.mark.parametrize("file", FILES, ids=name)
def test_no_panel_has_room_beside_it(file: Path) -> None:
    filled: Counter[int] = Counter()
    for panel in dashboard(file)["panels"]:
        place = panel["gridPos"]
        for row in range(place["y"], place["y"] + place["h"]):
            filled[row] += place["w"]
    assert set(filled.values()) == {WIDTH}
    assert set(filled) == set(range(len(filled)))


@pytest.mark.parametrize("file", FILES, ids=name)
def test_no_two_panels_overlap(file: Path) -> None:
    places = [panel["gridPos"] for panel in dashboard(file)["panels"]]
    assert all(place["x"] + place["w"] <= WIDTH for place in places)
    for one, other in itertools.combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        ), (one, other)
