"""What the chart has to know of the services' settings, written from their classes.

``python -m tests.support.chart_settings`` writes both places anew; a test holds them to
it.
"""

import json
from collections.abc import Mapping
from typing import Any

from homeport.runtime.config import PREFIX, Settings
from services.bootstrap.config import BootstrapSettings
from services.directory.config import DirectorySettings
from services.expiry.config import ExpirySettings
from services.lwm2m.config import LwM2MSettings
from services.notifier.config import NotifierSettings
from tests.support.chart import CHART

CLASSES: Mapping[str, type[Settings]] = {
    "directory": DirectorySettings,
    "lwm2m": LwM2MSettings,
    "bootstrap": BootstrapSettings,
    "expiry": ExpirySettings,
    "notifier": NotifierSettings,
}
"""Of the services that the chart runs."""

FILE = CHART / "files" / "settings.yaml"
SCHEMA = CHART / "values.schema.json"

OWNED = frozenset(
    f"{PREFIX}{name}"
    for name in (
        *("REDIS_URL", "NATS_URL", "POSTGRES_URL", "POSTGRES_MIGRATE"),
        *("SECRET_KEY", "DEFAULT_ACCOUNT_ID", "DEFAULT_API_KEY"),
        *("PLATFORM_API_KEY", "NATS_ISSUER_SEED"),
        *("PROBE_HOST", "PROBE_PORT", "HTTP_HOST", "HTTP_PORT", "COAP_HOST", "NOSEC"),
        *("LWM2M_COAP_PORT", "LWM2M_COAP_TCP_PORT"),
        *("LWM2M_COAPS_PORT", "LWM2M_COAPS_TCP_PORT"),
        *("BOOTSTRAP_COAP_PORT", "BOOTSTRAP_COAP_TCP_PORT"),
        *("BOOTSTRAP_COAPS_PORT", "BOOTSTRAP_COAPS_TCP_PORT"),
        *("BOOTSTRAP_PUBLIC_COAPS", "LWM2M_PUBLIC_COAPS", "LWM2M_PUBLIC_COAP"),
    )
)
"""Settings that other values of the chart decide."""

_KEPT = ("type", "enum", "pattern", "minimum", "exclusiveMinimum", "maximum")


def known() -> Mapping[str, list[str]]:
    """Return the environment names that each service reads."""
    return {
        name: sorted(f"{PREFIX}{field.upper()}" for field in settings.model_fields)
        for name, settings in CLASSES.items()
    }


def file() -> str:
    """Build the file that templates read."""
    lines = ["# Written by `make docs`: the environment names that each service reads."]
    for name, settings in known().items():
        lines += [f"{name}:", *(f"  - {setting}" for setting in settings)]
    return "\n".join(lines) + "\n"


def definitions() -> Mapping[str, Any]:
    """Build the schema's definitions: of all settings, and of each service's."""
    described: dict[str, Any] = {}
    for settings in CLASSES.values():
        for field, schema in settings.model_json_schema()["properties"].items():
            described[f"{PREFIX}{field.upper()}"] = _described(schema)
    described = {name: described[name] for name in sorted(described.keys() - OWNED)}
    made: dict[str, Any] = {
        "settings": _closed("Settings of every service that reads them.", described)
    }
    for name, names in known().items():
        made[f"settings-{name}"] = _closed(
            f"Settings of {name} alone.",
            {
                setting: {"$ref": f"#/definitions/settings/properties/{setting}"}
                for setting in names
                if setting not in OWNED
            },
        )
    return made


def schema() -> str:
    """Build the values' schema, with the definitions as they have to be."""
    document = json.loads(SCHEMA.read_text())
    document["definitions"] |= definitions()
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _described(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take of pydantic's description what a value of the chart needs."""
    own = schema
    for choice in schema.get("anyOf", ()):
        if choice["type"] != "null":
            own = choice
    made = {"description": schema["description"]}
    made |= {key: own[key] for key in _KEPT if key in own}
    if "exclusiveMaximum" in own:
        made["exclusiveMaximum"] = own["exclusiveMaximum"]
    if schema.get("default") is not None:
        made["default"] = schema["default"]
    return made


def _closed(description: str, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


if __name__ == "__main__":
    FILE.write_text(file())
    SCHEMA.write_text(schema())
