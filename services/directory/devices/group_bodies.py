"""Groups and saved queries: what callers say of them, and how they are shown."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from homeport import names
from homeport.errors import InvalidName, InvalidParameter
from homeport.names import DeviceId
from services.directory import fields, queries
from services.directory.devices.device_bodies import Line, Text, check_attributes
from services.directory.devices.device_fields import DEVICE
from services.directory.fields import (
    EQUALITY,
    ID,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    text,
    time,
)
from services.directory.schema import device_groups, device_queries
from services.directory.storable import storable

MOST_GROUP_ATTRIBUTES = 10
_RANGE = EQUALITY | {"gte", "lte"}

GROUP: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="device-group"),
    "id": text(device_groups.c.id, kind=ID),
    "name": text(device_groups.c.name),
    "description": fields.Field(TEXT, device_groups.c.description),
    "custom_attributes": fields.Field(OBJECT, device_groups.c.custom_attributes),
    "devices_count": fields.Field(
        NUMBER, device_groups.c.devices_count, 0, _RANGE, _RANGE
    ),
    "created_at": time(device_groups.c.created_at),
    "updated_at": time(device_groups.c.updated_at),
    "etag": fields.Field(TIME, device_groups.c.updated_at),
}

QUERY: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="device-query"),
    "id": text(device_queries.c.id, kind=ID),
    "name": text(device_queries.c.name),
    "query": text(device_queries.c.query),
    "created_at": time(device_queries.c.created_at),
    "updated_at": time(device_queries.c.updated_at),
    "etag": fields.Field(TIME, device_queries.c.updated_at),
}


def _check_query(said: str) -> str:
    try:
        queries.parse_filter(said, DEVICE)
    except InvalidParameter as error:
        raise ValueError(str(error)) from error
    return storable(said)


def _check_device(said: str) -> str:
    try:
        return names.parse_device_id(said)
    except InvalidName as error:
        raise ValueError(error.reason) from error


Attributes = Annotated[
    dict[str, str],
    Field(max_length=MOST_GROUP_ATTRIBUTES),
    AfterValidator(check_attributes),
]
Name = Annotated[Line, Field(min_length=1)]
QueryName = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(storable)
]
Asked = Annotated[
    str, Field(min_length=1, max_length=1000), AfterValidator(_check_query)
]


class GroupChanges(BaseModel):
    """What is to be different of a group; what is not given stays."""

    name: Name | None = None
    description: Text | None = None
    custom_attributes: Attributes | None = None

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns."""
        return self.model_dump(exclude_none=True)


class GroupBody(GroupChanges):
    """A group to be made; its name is its own in the account."""

    name: Name
    description: Text = ""
    custom_attributes: Attributes = Field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns."""
        return {**super().given(), "devices_count": 0}


class MemberBody(BaseModel):
    """A device to be put into a group or taken out."""

    device_id: Annotated[DeviceId, AfterValidator(_check_device)]


class QueryBody(BaseModel):
    """A filter of devices to be kept (R-45)."""

    name: QueryName
    query: Asked = Field(description="As in `filter=`: `state=registered&name=a`.")

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns."""
        return self.model_dump()
