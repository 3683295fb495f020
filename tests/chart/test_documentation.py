"""What the documentation says of the chart can be done as it stands there."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from tests.support import chart, chart_checks
from tests.support.chart import merged
from tests.support.chart_settings import SCHEMA

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.glob("how-to/*.md"), *DOCS.glob("operations/*.md")])
VALUES = set(yaml.safe_load(SCHEMA.read_text())["properties"])

_BLOCK = re.compile(r"^```(yaml|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"\b(deployment|service)/(homeport-[a-z0-9-]+)")


def blocks(language: str) -> list[Any]:
    """Return the blocks of a language on all pages."""
    return [
        pytest.param(text, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, (found, text) in enumerate(_BLOCK.findall(page.read_text()))
        if found == language
    ]


def is_values(content: Any) -> bool:
    return isinstance(content, Mapping) and content.keys() <= VALUES


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with what an installation cannot be without."""
    base = {} if "development" in given else chart.values("minimal")
    return merged(base, given)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_values_render_and_objects_are_taken(text: str) -> None:
    for content in yaml.safe_load_all(text):
        if is_values(content):
            made = chart.render(complete(content))
            assert chart_checks.faults(made) == []
        elif "apiVersion" in content:
            assert chart_checks.violations([content], "1.33") == []


@pytest.mark.parametrize("text", blocks("sh"))
def test_values_of_a_command_render(text: str) -> None:
    for command in text.replace("\\\n", " ").splitlines():
        given: dict[str, Any] = {}
        for pair in re.findall(r"--set (\S+)", command):
            given = merged(given, helm_python.parse_set_string(pair))
        if given and "helm" in command:
            assert chart_checks.faults(chart.render(complete(given))) == []


def test_there_is_something_to_be_tried() -> None:
    tried = [each.values[0] for each in blocks("yaml")]
    assert sum(is_values(yaml.safe_load(text)) for text in tried) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_named_is_there(page: Path) -> None:
    made = chart.render(chart.values("minimal"), release="homeport")
    there = {(each["kind"].lower(), each["metadata"]["name"]) for each in made}
    assert there >= set(_NAMED.findall(page.read_text()))
