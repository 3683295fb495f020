"""Observed resources: ``client.subscriptions``."""

from collections.abc import Iterable
from urllib.parse import quote

from pydantic import Field, TypeAdapter

from homeport.client.calls import Answer, Call, nothing, segment
from homeport.client.methods import From, Group, single
from homeport.client.records import Record

PATH = "/v2/subscriptions"


class Presubscription(Record):
    """Resources that are observed as soon as a device that fits has registered.

    What is empty fits everything; ``*`` at the end stands for any continuation.
    """

    endpoint_name: str = Field(default="", alias="endpoint-name")
    endpoint_type: str = Field(default="", alias="endpoint-type")
    resource_path: tuple[str, ...] = Field(default=(), alias="resource-path")


class _Asked(Record):
    async_response_id: str = Field(default="", alias="async-response-id")


_PRESUBSCRIPTIONS = TypeAdapter(tuple[Presubscription, ...])


class Subscriptions(Group[From]):
    """What is observed for the key that the calls are made with."""

    @single
    @staticmethod
    def add(device_id: str, path: str) -> Call[str]:
        """Observe a resource, an instance or an object: its values will be notified.

        Returns the id of the `Response` that tells what came of it; nothing where it
        is observed already.
        """
        return Call("PUT", _path(device_id, path), _asked)

    @single
    @staticmethod
    def check(device_id: str, path: str) -> Call[None]:
        """Raise NotFound where a resource is not observed."""
        return nothing("GET", _path(device_id, path))

    @single
    @staticmethod
    def remove(device_id: str, path: str) -> Call[None]:
        """Observe a resource no more."""
        return nothing("DELETE", _path(device_id, path))

    @single
    @staticmethod
    def paths(device_id: str) -> Call[tuple[str, ...]]:
        """Return what is observed on a device; raise NotFound for nothing."""
        return Call("GET", _path(device_id), _lines)

    @single
    @staticmethod
    def clear(device_id: str) -> Call[None]:
        """Observe nothing more on a device."""
        return nothing("DELETE", _path(device_id))

    @single
    @staticmethod
    def presubscriptions() -> Call[tuple[Presubscription, ...]]:
        """Return what is observed on devices as soon as they register."""
        return Call(
            "GET", PATH, lambda answer: _PRESUBSCRIPTIONS.validate_json(answer.body)
        )

    @single
    @staticmethod
    def set_presubscriptions(rules: Iterable[Presubscription]) -> Call[None]:
        """Replace them, also for devices that are registered already."""
        body = [rule.model_dump(by_alias=True, exclude_defaults=True) for rule in rules]
        return nothing("PUT", PATH, body)

    @single
    @staticmethod
    def clear_presubscriptions() -> Call[None]:
        """Observe nothing of its own accord any more."""
        return nothing("DELETE", PATH)


def _path(device_id: str, path: str = "") -> str:
    below = quote(path.strip("/"))
    return f"{PATH}/{segment(device_id)}" + (f"/{below}" if below else "")


def _asked(answer: Answer) -> str:
    if not answer.body.strip():
        return ""
    return _Asked.model_validate_json(answer.body).async_response_id


def _lines(answer: Answer) -> tuple[str, ...]:
    return tuple(answer.body.decode().split())
