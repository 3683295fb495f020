"""What an application is told of: notification messages (R-117 .. R-124)."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, field_validator

from homeport.client.errors import InvalidAnswer
from homeport.client.records import Record


class Resource(Record):
    """One entry of a device's resource structure."""

    path: str
    rt: str = ""
    interface: str = Field(default="", alias="if")
    ct: str = ""
    obs: bool = False


class Registered(Record):
    """A device has registered, or its registration has changed."""

    device_id: str = Field(alias="ep")
    endpoint_name: str = Field(default="", alias="original-ep")
    endpoint_type: str = Field(default="", alias="ept")
    queue_mode: bool = Field(default=False, alias="q")
    resources: tuple[Resource, ...] = ()
    uid: str = ""
    timestamp: int = 0
    """Milliseconds since 1970; 0 where it is not included."""


class Ended(Record):
    """The registration of a device has ended."""

    device_id: str = Field(alias="ep")
    endpoint_name: str = Field(default="", alias="original-ep")
    uid: str = ""
    timestamp: int = 0


class Payload(Record):
    """What carries a payload of a device."""

    payload: str = ""
    """Base64, as it came."""
    ct: str = ""
    max_age: int = Field(default=0, alias="max-age")
    values: Mapping[str, Any] | None = None
    """The values in it by their paths, where they are asked for and can be read."""

    @property
    def content(self) -> bytes:
        """The payload itself; raise InvalidAnswer where it is no base64."""
        try:
            return base64.b64decode(self.payload, validate=True)
        except binascii.Error as error:
            raise InvalidAnswer(f"payload is no base64: {error}") from error


class Notification(Payload):
    """A resource that is observed has a new value."""

    device_id: str = Field(alias="ep")
    path: str
    uid: str = ""
    timestamp: int = 0


class Response(Payload):
    """What came of a device request."""

    id: str
    """The ``async_id`` of the request."""
    status: int
    error: str = ""


class Message(Record):
    """A notification message: what happened, of one kind at a time."""

    notifications: tuple[Notification, ...] = ()
    registrations: tuple[Registered, ...] = ()
    reg_updates: tuple[Registered, ...] = Field(default=(), alias="reg-updates")
    de_registrations: tuple[Ended, ...] = Field(default=(), alias="de-registrations")
    registrations_expired: tuple[Ended, ...] = Field(
        default=(), alias="registrations-expired"
    )
    async_responses: tuple[Response, ...] = Field(default=(), alias="async-responses")

    @field_validator("de_registrations", "registrations_expired", mode="before")
    @classmethod
    def _as_objects(cls, items: Any) -> Any:
        """Take plain device ids as well: they are the default (R-123)."""
        if not isinstance(items, list):
            return items
        return [{"ep": each} if isinstance(each, str) else each for each in items]


def parse(text: str | bytes) -> Message:
    """Parse a message; raise InvalidAnswer."""
    try:
        return Message.model_validate_json(text)
    except ValidationError as error:
        raise InvalidAnswer(f"no notification message: {error.title}") from error
