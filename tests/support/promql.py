"""What a PromQL expression asks for: metrics, and the labels that it names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from prometheus_client import REGISTRY

from homeport.runtime import metrics

SCRAPED = frozenset({"job", "instance", "service", "namespace", "pod"})
"""Labels that scraping adds to every sample."""

_IN_BRACKETS = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?(?!\s*[\w(])")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_WORDS = frozenset({"and", "or", "unless", "bool", "inf", "nan"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Metrics with the labels by which they are selected, and labels of groupings."""

    selected: Mapping[str, frozenset[str]]
    grouped: frozenset[str]


def read(expression: str) -> Asked:
    """Read an expression that promtool has found to be one."""
    text = re.sub(r'"[^"]*"', '""', _IN_BRACKETS.sub("", expression))
    groupings = _GROUPING.findall(text)
    selected: dict[str, frozenset[str]] = {}
    for name, matchers in _SELECTOR.findall(_GROUPING.sub("", text)):
        if name not in _WORDS:
            labels = frozenset(_MATCHER.findall(matchers))
            selected[name] = selected.get(name, frozenset()) | labels
    labels = re.findall(r"\w+", " ".join(groupings))
    return Asked(selected, frozenset(labels))


def faults(expressions: Iterable[str]) -> list[str]:
    """Say what of some expressions no process of ours has."""
    found = []
    for expression in expressions:
        asked = read(expression)
        has: frozenset[str] = SCRAPED
        for name, labels in asked.selected.items():
            if name not in known():
                found.append(f"there is no {name}: {expression}")
                continue
            has |= known()[name]
            found += [
                f"{name} has no {label}: {expression}"
                for label in labels - known()[name] - SCRAPED
            ]
        found += [f"no label {label}: {expression}" for label in asked.grouped - has]
    return found


@cache
def known() -> Mapping[str, frozenset[str]]:
    """Return the labels of every sample that a process of ours shows."""
    ours = {
        sample: frozenset(metric.labels)
        | ({"le"} if sample.endswith("_bucket") else frozenset())
        for metric in metrics.known()
        for sample in metric.samples
    }
    usual = {
        sample.name: frozenset(sample.labels)
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith(("process_", "python_"))
    }
    return ours | usual
