"""Bootstrap configurations, their selectors and object definitions, as JSON.

The directory has typed every value by the object definitions of its account; so edges
need none of these to write it to a device.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from homeport.protocol import paths
from homeport.protocol.alterations import Alterations
from homeport.protocol.configurations import (
    Configuration,
    Instance,
    Selector,
    ServerAccount,
)
from homeport.protocol.formats import values
from homeport.protocol.formats.records import ObjectLink, Time, Value
from homeport.protocol.objects.definitions import (
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
    Version,
)
from homeport.protocol.paths import Path
from homeport.protocol.resources import Now, Resources


def build_selector(selector: Selector) -> bytes:
    """Build the JSON of a selector."""
    return orjson.dumps(selector)


def parse_selector(text: bytes) -> Selector:
    """Parse what `build_selector` built."""
    given = orjson.loads(text)
    return Selector(**given | {"profiles": tuple(given["profiles"])})


def build(configuration: Configuration) -> bytes:
    """Build the JSON of a configuration, with all its secrets."""
    return orjson.dumps(
        {
            "id": configuration.id,
            "alterations": asdict(configuration.alterations),
            "short_server_id": configuration.short_server_id,
            "server": _build(configuration.server),
            "servers": [
                {
                    "short_server_id": account.short_server_id,
                    "security": _build(account.security),
                    "server": _build(account.server),
                }
                for account in configuration.servers
            ],
            "instances": [
                {
                    "path": paths.build(instance.path),
                    "resources": _build(instance.resources),
                }
                for instance in configuration.instances
            ],
            "reads": [paths.build(path) for path in configuration.reads],
            "offers_pack": configuration.offers_pack,
        }
    )


def parse(text: bytes) -> Configuration:
    """Parse what `build` built."""
    given = orjson.loads(text)
    return Configuration(
        id=given["id"],
        alterations=Alterations(**given["alterations"]),
        short_server_id=given["short_server_id"],
        server=_parse(given["server"]),
        servers=tuple(
            ServerAccount(
                account["short_server_id"],
                _parse(account["security"]),
                _parse(account["server"]),
            )
            for account in given["servers"]
        ),
        instances=tuple(
            Instance(paths.parse(instance["path"]), _parse(instance["resources"]))
            for instance in given["instances"]
        ),
        reads=tuple(map(paths.parse, given["reads"])),
        offers_pack=given["offers_pack"],
    )


def build_definition(definition: ObjectDefinition) -> bytes:
    """Build the JSON of an object's definition."""
    return orjson.dumps(
        {
            "id": definition.id,
            "name": definition.name,
            "version": list(definition.version),
            "multiple": definition.multiple,
            "resources": [
                [
                    each.id,
                    each.name,
                    each.operations.value,
                    each.type.value if each.type else None,
                    each.multiple,
                ]
                for each in definition.resources.values()
            ],
        }
    )


def parse_definition(text: bytes) -> ObjectDefinition:
    """Parse what `build_definition` built."""
    given = orjson.loads(text)
    resources = [
        ResourceDefinition(
            number, name, Operations(operations), Type(kind) if kind else None, multiple
        )
        for number, name, operations, kind, multiple in given["resources"]
    ]
    return ObjectDefinition(
        given["id"],
        given["name"],
        Version(*given["version"]),
        given["multiple"],
        {each.id: each for each in resources},
    )


def _build(resources: Resources) -> list[list[object]]:
    return [[list(path), *_kind_and_value(value)] for path, value in resources.items()]


def _kind_and_value(value: Value | Now) -> tuple[str, object]:
    match value:
        case Now():
            return "now", None
        case Time(seconds):
            return "time", seconds
        case ObjectLink():
            return "link", values.build_link(value)
        case bytes():
            return "opaque", b64encode(value).decode()
        case _:
            return "plain", value


def _parse(given: Sequence[Sequence[Any]]) -> Resources:
    found: Mapping[Path, Value | Now] = {
        Path(tuple(path)): _value(kind, value) for path, kind, value in given
    }
    return found


def _value(kind: str, given: Any) -> Value | Now:
    match kind:
        case "now":
            return Now()
        case "time":
            return Time(given)
        case "link":
            return values.parse_link(given)
        case "opaque":
            return values.from_base64(given)
        case _:
            plain: Value = given
            return plain
