"""Every metric of every process, as their own registry describes them."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import REGISTRY

from homeport.runtime import services
from homeport.runtime.api import MOUNTED

PREFIX = "homeport_"

CHAPTERS: Mapping[str, Sequence[str]] = {
    "Every process": ("build", "ready", "check", "loop"),
    "CoAP edges": ("dtls", "udp", "certificate", "defects"),
    "CoAP edges and expiry": ("events", "publish"),
    "The lwm2m edge": ("lwm2m",),
    "The bootstrap edge": ("bootstrap",),
    "The directory": ("directory",),
    "Expiry": ("expiry",),
    "Expiry, for the whole system: every replica tells the same, the largest counts": (
        "registrations",
        "outbox",
        "stream",
    ),
    "The notifier": ("notifier",),
    "Processes with REST routes": ("http",),
}
"""Who has a metric, by the word after the prefix."""

_BESIDE = ("homeport.runtime.pauses",)
"""What every process loads that no service does."""

_LABELS = {
    "homeport_build_info": ("version",),
}
"""Labels that a collector does not name."""


class Metric(NamedTuple):
    """A metric; ``samples`` are the names under which its values are scraped."""

    name: str
    kind: str
    labels: Sequence[str]
    meaning: str
    samples: Sequence[str]


def known() -> list[Metric]:
    """Load every service and return the metrics that they have, by their names."""
    for module in (*services.MODULES.values(), *MOUNTED.values(), *_BESIDE):
        importlib.import_module(module)
    return sorted(_ours())


def chapter(metric: Metric) -> str:
    """Return who has a metric; raise KeyError where nobody is named."""
    word = metric.name.removeprefix(PREFIX).partition("_")[0]
    return {each: title for title, words in CHAPTERS.items() for each in words}[word]


def page() -> str:
    """List every metric once, under those who have it."""
    lines = [
        "# Metrics",
        "",
        "Served at `/metrics` on the probe port of every process. A process has those",
        "of the services that run in it, beside `process_*` and `python_*`.",
    ]
    metrics = known()
    for title in CHAPTERS:
        lines += ["", f"## {title}", "", "| metric | kind | labels | meaning |"]
        lines += ["|---|---|---|---|"]
        lines += [_row(metric) for metric in metrics if chapter(metric) == title]
    return "\n".join(lines) + "\n"


def _ours() -> Iterator[Metric]:
    collectors = set(REGISTRY._collector_to_names)  # noqa: SLF001 # nothing public lists them
    for collector in collectors:
        describe = getattr(collector, "describe", collector.collect)
        for family in describe():
            if family.name.startswith(PREFIX):
                yield _metric(family.name, family.type, family.documentation, collector)


def _metric(name: str, kind: str, meaning: str, collector: object) -> Metric:
    match kind:
        case "counter":
            samples: Sequence[str] = (f"{name}_total",)
        case "info":
            samples = (f"{name}_info",)
        case "histogram":
            samples = (f"{name}_bucket", f"{name}_sum", f"{name}_count")
        case _:
            samples = (name,)
    shown = name if kind == "histogram" else samples[0]
    own: Sequence[str] = getattr(collector, "_labelnames", ()) or ()
    labels = _LABELS.get(shown, own)
    return Metric(shown, kind, labels, meaning, samples)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |"
