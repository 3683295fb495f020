"""``homeport docs``: reference pages, written from what the code itself says.

The same code writes the same bytes, so a test can hold the committed pages to it.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast, get_args

import orjson
from faststream.nats import NatsBroker
from faststream.specification import AsyncAPI
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from homeport import __version__
from homeport.errors import InvalidFormat
from homeport.events import applications, bus, cloudevents, facts, subjects
from homeport.events.bus import Subscription
from homeport.events.facts import AnyFact, Fact
from homeport.runtime import conformance, coverage, metrics, services
from homeport.runtime.api import MOUNTED
from homeport.runtime.config import (
    PREFIX,
    DatabaseSettings,
    EdgeSettings,
    SealingSettings,
    SecuritySettings,
    Settings,
)

GENERATED = "<!-- Written by `make docs`; change the code instead. -->\n"

CONSUMERS: Mapping[str, Sequence[str]] = {
    "directory": ("services.directory.bus", "services.directory.renewals.bus"),
    "expiry": ("services.expiry.bus",),
    "notifier": ("services.notifier.bus",),
}
"""The services with fixed consumers; channels have theirs besides."""

_ACCOUNT = "{account_id}"
_EVENTS = f"""\
What happened to devices: facts on NATS JetStream, in the stream {subjects.STREAM}.

An application reads its account's facts as a user of NATS that it makes by REST: one
that listens subscribes to the subjects below; one that consumes has a consumer of its
own, and writes `{applications.API_PREFIX}` where JetStream has `$JS.API`. The page "How
to consume from NATS" has the whole of it.

Those that take are Homeport's own services.
"""

_SHARED: Mapping[type[Settings], str] = {
    Settings: "Every service",
    DatabaseSettings: "Services with PostgreSQL",
    SealingSettings: "Services that keep something sealed",
    SecuritySettings: "Services that deal in credentials",
    EdgeSettings: "CoAP edges",
}


def pages(command_line: str) -> dict[str, str]:
    """Make every reference page: file name → content."""
    return {
        "README.md": _index(),
        "asyncapi.json": asyncapi(),
        "cli.md": f"{GENERATED}\n# Command line\n\n{command_line}",
        "configuration.md": configuration(),
        "metrics.md": f"{GENERATED}\n{metrics.page()}",
        **_tested(),
        **{f"openapi-{name}.json": openapi(name) for name in MOUNTED},
    }


def write(folder: Path, contents: Mapping[str, str]) -> None:
    """Write the pages into a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(content)


def configuration() -> str:
    """List every setting of every service, each once."""
    lines = [GENERATED, "# Configuration", ""]
    lines += [
        "Environment variables, read once at the start. `homeport doctor` checks them.",
    ]
    seen: set[str] = set()
    chapters = [*_SHARED.items(), *((each, name) for name, each in _settings())]
    for settings, title in chapters:
        own = {
            name: field
            for name, field in settings.model_fields.items()
            if name not in seen
        }
        seen |= set(own)
        if own:
            lines += ["", f"## {title}", "", "| variable | default | meaning |"]
            lines += ["|---|---|---|"]
            lines += [_row(name, field) for name, field in own.items()]
    return "\n".join(lines) + "\n"


def asyncapi() -> str:
    """Describe every fact and every fixed consumer, as FastStream sees them."""
    broker = bus.broker("nats://127.0.0.1:4222")
    for module in chain.from_iterable(CONSUMERS.values()):
        broker.include_router(
            bus.router(_subscription(module), _take, unreadable=_pass_over)
        )
    for fact in _facts():
        _describe_fact(broker, fact)
    document = AsyncAPI(
        broker,
        title="Homeport",
        version=__version__,
        description=_EVENTS,
        schema_version="3.0.0",
    ).to_specification()
    return pretty(_completed(document.to_jsonable()))


def _completed(document: Any) -> Any:
    """Say what FastStream does not know of our messages: parameters and headers."""
    components = document["components"]
    for channel in document["channels"].values():
        if _ACCOUNT in channel["address"]:
            description = "The account, 32 hex characters."
            channel["parameters"] = {_ACCOUNT[1:-1]: {"description": description}}
    for message in components["messages"].values():
        del message["correlationId"]
        message["contentType"] = "application/json"
        message["headers"] = {"$ref": "#/components/schemas/Headers"}
    components["schemas"]["Headers"] = {
        "type": "object",
        "title": "Headers",
        "description": "CloudEvents 1.0, binary mode.",
        "properties": {
            name: {"type": "string", "description": meaning}
            for name, meaning in cloudevents.HEADERS.items()
        },
    }
    return document


def openapi(name: str) -> str:
    """Describe a service's REST routes, as FastAPI sees them."""
    routes = importlib.import_module(MOUNTED[name]).routes
    return pretty(routes(_Nothing()).openapi())


def pretty(document: Any) -> str:
    """Build JSON that is the same for the same content, whatever its order."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document, option=options).decode()


def _tested() -> dict[str, str]:
    """Say which tests hold what, where there are tests."""
    tests = conformance.TESTS
    if not tests.is_dir():
        return {}
    found: dict[tuple[str, str], frozenset[int]] = {}
    for name in MOUNTED:
        found |= coverage.served(orjson.loads(openapi(name)))
    return {
        "api-coverage.md": f"{GENERATED}\n{coverage.page(found, tests)}",
        "conformance.md": f"{GENERATED}\n{conformance.page(tests)}",
    }


def _settings() -> Iterator[tuple[str, type[Settings]]]:
    for name in services.MODULES:
        yield name, services.load(name).SETTINGS


def _row(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        shown = "required"
    elif default is None:
        shown = ""
    else:
        text = getattr(default, "get_secret_value", lambda: default)()
        shown = f"`{str(text).lower() if isinstance(text, bool) else text}`"
    return f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |"


def _subscription(module: str) -> Subscription:
    return cast("Subscription", importlib.import_module(module).SUBSCRIPTION)


def _facts() -> Sequence[type[Fact]]:
    return get_args(get_args(AnyFact)[0])


def _describe_fact(broker: NatsBroker, fact: type[Fact]) -> None:
    broker.publisher(
        subjects.of_fact(fact.name).replace("*", _ACCOUNT),
        schema=fact,
        title=fact.name.value,
        description=fact.__doc__,
    )


class _Nothing:
    """Stands where routes get what they need: they are described, never called."""

    def __getattr__(self, name: str) -> None:
        return None


async def _take(_: Sequence[AnyFact]) -> None:
    """Take facts; nothing comes, the consumer is only described."""


def _pass_over(_: InvalidFormat) -> None:
    """Pass over a message; none comes."""


def _index() -> str:
    routes = "\n".join(
        f"- [REST routes of {name} (OpenAPI)](openapi-{name}.json)" for name in MOUNTED
    )
    return f"""{GENERATED}
# Reference

- [API coverage](api-coverage.md)
- [Command line](cli.md)
- [Configuration](configuration.md)
- [Conformance](conformance.md)
- [Events {facts.VERSION} (AsyncAPI)](asyncapi.json)
- [Metrics](metrics.md)
{routes}
"""
