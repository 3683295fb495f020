"""The Helm chart as tests use it: rendered by Helm's own code, without a cluster."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

CHART = Path(__file__).parents[2] / "deploy" / "k8s" / "homeport"
VALUES = Path(__file__).parents[1] / "chart" / "values"
RELEASE, NAMESPACE = "home", "iot"

Object = Mapping[str, Any]


class Refused(Exception):
    """Helm does not render these values; the text is what it says."""


def values(name: str) -> dict[str, Any]:
    """Read one of the tests' values files."""
    read: dict[str, Any] = yaml.safe_load((VALUES / f"{name}.yaml").read_text())
    return read


def files() -> Sequence[str]:
    """Return the names of the tests' values files."""
    return sorted(path.stem for path in VALUES.glob("*.yaml"))


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Put changes over values as Helm does: map into map."""
    made = dict(base)
    for key, value in changes.items():
        before = made.get(key)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        made[key] = merged(before, value) if both else value  # type: ignore[arg-type] # both are maps
    return made


@cache
def release(name: str) -> list[Object]:
    """Render one of the tests' values files, once."""
    return render(values(name))


def render(
    given: Mapping[str, Any],
    *,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    upgrade: bool = False,
) -> list[Object]:
    """Render the chart, its hooks and tests included; raise Refused."""
    return parse(sources(given, release=release, namespace=namespace, upgrade=upgrade))


def sources(
    given: Mapping[str, Any],
    *,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    upgrade: bool = False,
) -> Mapping[str, str]:
    """Render the chart: template → its text; raise Refused."""
    try:
        _chart().validate_schema(dict(given))
        return _chart().render(
            dict(given),
            name=release,
            namespace=namespace,
            is_install=not upgrade,
            is_upgrade=upgrade,
        )
    except helm_python.HelmError as error:
        raise Refused(str(error)) from error


def parse(rendered: Mapping[str, str]) -> list[Object]:
    """Parse what templates have rendered; Helm itself does not."""
    return [
        made
        for template, text in rendered.items()
        if not template.endswith("NOTES.txt")
        for made in yaml.load_all(text, Loader=_Loader)
        if made is not None
    ]


def of_kind(objects: Sequence[Object], kind: str) -> Iterator[Object]:
    """Yield the objects of a kind."""
    return (each for each in objects if each["kind"] == kind)


def named(
    objects: Sequence[Object],
    kind: str,
    name: str,
    *,
    begin: str = f"{RELEASE}-homeport",
) -> Object:
    """Return the one object of a kind and name; the release stands before that."""
    (found,) = (
        each
        for each in of_kind(objects, kind)
        if each["metadata"]["name"] == f"{begin}-{name}"
    )
    return found


def container(workload: Object) -> Object:
    """Return the only container of a workload."""
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    return found


class _Loader(yaml.CSafeLoader):
    """Refuses an object that says one thing twice: YAML takes the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 # the library's
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {str(key) for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(sorted(twice))} twice", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


@cache
def _chart() -> helm_python.Chart:
    return helm_python.Chart.load(CHART)
