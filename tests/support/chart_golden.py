"""Renderings that are kept: one to be read, and what an upgrade must not change.

``python -m tests.support.chart_golden`` writes the first anew; with a version, what an
upgrade from that version has to keep.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import chart
from tests.support.chart import Object

FOLDER = Path(__file__).parents[1] / "chart" / "golden"
EDGE = FOLDER / "lwm2m.yaml"
HELD = ("Deployment", "Service", "Secret", "ServiceAccount")
"""Kinds whose names are known outside, or whose loss is an outage."""


def edge() -> str:
    """Render all that a production installation has of one edge, as Helm writes it."""
    name = f"{chart.RELEASE}-homeport-lwm2m"
    rendered = chart.sources(chart.values("minimal"))
    documents = [
        document.strip()
        for template, text in rendered.items()
        if not template.endswith("NOTES.txt")
        for document in text.split("\n---\n")
        if f"  name: {name}" in document
    ]
    return "---\n" + "\n---\n".join(documents) + "\n"


def kept(objects: Sequence[Object]) -> Mapping[str, Any]:
    """Return what an upgrade must leave as it is, by kind and name.

    Of hooks nothing is kept: they are made anew each time.
    """
    return {
        f"{each['kind']} {each['metadata']['name']}": _kept(each)
        for each in objects
        if each["kind"] in HELD
        and "helm.sh/hook" not in each["metadata"].get("annotations", {})
    }


def _kept(each: Object) -> Mapping[str, Any]:
    match each["kind"]:
        case "Deployment":
            return {"selector": each["spec"]["selector"]}
        case "Service":
            ports = each["spec"]["ports"]
            return {"ports": {port["name"]: port["port"] for port in ports}}
        case "Secret":
            keys = sorted({*each.get("data", {}), *each.get("stringData", {})})
            return {"type": each["type"], "keys": keys}
        case _:
            return {}


def release() -> Mapping[str, Any]:
    """Return everything that an upgrade from this version is tested with."""
    return {
        name: {
            "values": chart.values(name),
            "kept": kept(chart.release(name)),
        }
        for name in chart.files()
    }


if __name__ == "__main__":
    EDGE.write_text(edge())
    for version in sys.argv[1:]:
        content = json.dumps(release(), indent=1, sort_keys=True)
        (FOLDER / f"{version}.json").write_text(content + "\n")
