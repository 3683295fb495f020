"""The schema of the values is their manual: complete, true and closed."""

import importlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import jsonschema
import pytest
import yaml

from homeport.runtime import services
from homeport.runtime.api import MOUNTED
from tests.support import chart, chart_settings
from tests.support.chart import CHART
from tests.support.chart_pods import environment

SCHEMA = json.loads(chart_settings.SCHEMA.read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
UNSET = {
    ".global",
    ".enabled",
    *(
        f".services.{service}.service.{name}"
        for service in MOUNTED
        for name in (
            *("externalTrafficPolicy", "loadBalancerClass"),
            "loadBalancerSourceRanges",
        )
    ),
}
"""Values that are nobody's by default."""

FIRST = {"HOMEPORT_DEFAULT_ACCOUNT_ID", "HOMEPORT_DEFAULT_API_KEY"}
"""What every class has, and only who makes or serves the default account reads."""

_FOR_ONE_SERVICE = re.compile(r"^\.services\.[a-z0-9]+\.")


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema
    while "$ref" in found:
        target: Any = SCHEMA
        for step in found["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        found = target
    return found


def described(
    schema: Mapping[str, Any] = SCHEMA, path: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every value that the schema describes, by its path."""
    for name, each in resolved(schema).get("properties", {}).items():
        yield f"{path}.{name}", resolved(each)
        yield from described(each, f"{path}.{name}")


def test_the_schema_is_of_a_draft_that_every_helm_reads() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_every_value_is_described_in_a_sentence() -> None:
    for path, schema in described():
        assert schema.get("description", "").endswith("."), path


def test_every_object_of_ours_is_closed() -> None:
    for path, schema in described():
        if "properties" in schema:
            assert schema.get("additionalProperties") is False, path


def test_every_value_has_its_default_in_the_file() -> None:
    given = dict(_paths(DEFAULTS))
    for path, schema in described():
        general = _FOR_ONE_SERVICE.sub(".defaults.", path)
        if (
            path not in UNSET
            and "properties" not in schema
            and ".settings." not in path
        ):
            assert path in given or general in given, path


def test_every_default_is_described() -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(DEFAULTS)


def _paths(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        yield f"{path}.{key}", value
        if isinstance(value, Mapping):
            yield from _paths(value, f"{path}.{key}")


def test_the_settings_are_those_of_the_services() -> None:
    assert chart_settings.FILE.read_text() == chart_settings.file(), "run `make docs`"
    assert chart_settings.SCHEMA.read_text() == chart_settings.schema(), (
        "run `make docs`"
    )


def test_every_service_is_deployed_by_its_class() -> None:
    for name, settings in chart_settings.CLASSES.items():
        assert services.load(name).SETTINGS is settings
    assert set(services.MODULES) == {*chart_settings.CLASSES, "api"}


def test_a_setting_that_is_given_is_what_the_service_reads() -> None:
    """Of big numbers Helm makes 2.592e+06 unless it is kept from it."""
    given: dict[str, Any] = {}
    for name, schema in SCHEMA["definitions"]["settings"]["properties"].items():
        if "default" in schema:
            given[name] = schema.get("maximum", schema["default"])
    made = chart.render({**chart.values("minimal"), "settings": given})
    for name, settings in chart_settings.CLASSES.items():
        deployment = chart.named(made, "Deployment", name)
        told = environment(chart.container(deployment))
        with mock.patch.dict(os.environ, told, clear=True):
            read = settings.load()
        for setting in given.keys() & told.keys():
            field = setting.removeprefix("HOMEPORT_").lower()
            assert getattr(read, field) == given[setting], setting


def test_what_other_values_decide_is_told_to_all_who_read_it() -> None:
    made = chart.release("everything")
    for name, known in chart_settings.known().items():
        container = chart.container(chart.named(made, "Deployment", name))
        told = {each["name"] for each in container["env"]}
        wanted = set(known) & chart_settings.OWNED - FIRST
        assert wanted <= told, name


def test_a_service_is_told_its_own_setting_instead_of_everybodys() -> None:
    made = chart.release("urls")
    levels = {
        name: environment(chart.container(chart.named(made, "Deployment", name)))[
            "HOMEPORT_LOG_LEVEL"
        ]
        for name in chart_settings.CLASSES
    }
    assert levels.pop("expiry") == "info"
    assert set(levels.values()) == {"debug"}


@pytest.mark.parametrize("kind", ["Ingress", "HTTPRoute"])
def test_every_path_of_the_api_leads_to_the_service_that_serves_it(kind: str) -> None:
    (made,) = chart.of_kind(chart.release("everything"), kind)
    routes = dict(_routes(made))
    for service, module in MOUNTED.items():
        for prefix in importlib.import_module(module).PREFIXES:
            matching = [path for path in routes if f"{prefix}/".startswith(f"{path}/")]
            assert routes[max(matching, key=len)] == f"home-homeport-{service}"


def _routes(made: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for rule in made["spec"]["rules"]:
        for path in rule.get("http", {}).get("paths", ()):
            yield path["path"], path["backend"]["service"]["name"]
        for match in rule.get("matches", ()):
            yield match["path"]["value"], rule["backendRefs"][0]["name"]
