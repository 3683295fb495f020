"""Every metric is named as Prometheus' users expect it, and says what it means."""

import re

import pytest

from homeport.runtime import metrics
from homeport.runtime.metrics import Metric

KNOWN = metrics.known()
LABELS = frozenset(
    (
        *("answer", "api", "certificate", "check", "code", "fact", "kind", "method"),
        *("outcome", "reader", "reason", "result", "type", "version", "where", "word"),
    )
)
"""Each has a closed set of values; what devices or callers make up is none of them."""
RESERVED = ("_total", "_count", "_sum", "_bucket", "_info")


def names(metric: Metric) -> str:
    return metric.name


@pytest.mark.parametrize("metric", KNOWN, ids=names)
def test_a_name_is_words_of_lower_case(metric: Metric) -> None:
    assert re.fullmatch(r"homeport(_[a-z][a-z0-9]*)+", metric.name)


@pytest.mark.parametrize("metric", KNOWN, ids=names)
def test_only_counters_end_in_total(metric: Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.kind in ("gauge", "histogram"):
        assert not metric.name.endswith(RESERVED)


@pytest.mark.parametrize("metric", KNOWN, ids=names)
def test_durations_and_sizes_are_in_base_units(metric: Metric) -> None:
    assert not re.search(r"_(ms|millis\w*|minutes|hours|kb|mb|kib|mib)\b", metric.name)
    if re.search(r"_(age|delay|pause)(_|$)", metric.name):
        assert metric.name.endswith("_seconds")


@pytest.mark.parametrize("metric", KNOWN, ids=names)
def test_its_meaning_is_a_sentence(metric: Metric) -> None:
    assert metric.meaning[0].isupper() or metric.meaning[0].isdigit()
    assert metric.meaning.endswith(".")


@pytest.mark.parametrize("metric", KNOWN, ids=names)
def test_its_labels_are_of_the_bounded_ones(metric: Metric) -> None:
    assert LABELS.issuperset(metric.labels)


@pytest.mark.parametrize("metric", KNOWN, ids=names)
def test_it_is_in_a_chapter_of_the_page(metric: Metric) -> None:
    assert metrics.chapter(metric) in metrics.CHAPTERS


def test_the_page_lists_each_once() -> None:
    page = metrics.page()
    assert len(KNOWN) > 40
    assert all(page.count(f"| `{metric.name}` |") == 1 for metric in KNOWN)


def test_a_histogram_is_scraped_under_three_names() -> None:
    found = next(each for each in KNOWN if each.name == "homeport_loop_pause_seconds")
    assert found.samples == (
        "homeport_loop_pause_seconds_bucket",
        "homeport_loop_pause_seconds_sum",
        "homeport_loop_pause_seconds_count",
    )
