"""Bootstrap configurations: what callers say of them, and how they are shown."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from homeport import names
from homeport.errors import InvalidName
from homeport.names import EndpointName
from homeport.protocol.bootstrap_requests import FORMATS
from homeport.protocol.configurations import SHORT_SERVER_IDS
from homeport.protocol.handover import SERVER_ACCOUNT
from homeport.protocol.paths import LARGEST_ID
from homeport.protocol.profiles import PROFILES
from homeport.protocol.tlv import CONTENT_FORMAT as TLV
from services.directory import fields
from services.directory.bootstrap.bootstrap_schema import bootstrap_configurations
from services.directory.devices.device_bodies import Line, Text
from services.directory.fields import ID, LIST, NUMBER, OBJECT, TEXT, TIME
from services.directory.storable import storable

MOST_SERVERS = 8
MOST_OBJECTS = 64
MOST_READS = 4
MASK = "***"
"""What callers see of a secret, and say to keep it."""

_COLUMNS = bootstrap_configurations.c
_OBJECTS = fields.Kind(
    OBJECT.type, OBJECT.parse, {"type": "array", "items": {"type": "object"}}
)

BOOTSTRAP_CONFIGURATION: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="bootstrap-configuration"),
    "id": fields.text(_COLUMNS.id, kind=ID),
    "name": fields.text(_COLUMNS.name),
    "description": fields.Field(TEXT, _COLUMNS.description),
    "priority": fields.Field(NUMBER, _COLUMNS.priority, 0),
    "endpoint_name_pattern": fields.text(_COLUMNS.endpoint_name_pattern),
    "device_profiles": fields.Field(LIST, _COLUMNS.device_profiles),
    "device_profile": fields.Field(OBJECT, _COLUMNS.device_profile),
    "short_server_id": fields.Field(NUMBER, _COLUMNS.short_server_id),
    "server": fields.Field(OBJECT, _COLUMNS.server),
    "servers": fields.Field(_OBJECTS, _COLUMNS.servers),
    "objects": fields.Field(_OBJECTS, _COLUMNS.objects),
    "reads": fields.Field(LIST, _COLUMNS.reads),
    "bootstrap_pack": fields.flag(_COLUMNS.bootstrap_pack),
    "created_at": fields.time(_COLUMNS.created_at),
    "updated_at": fields.time(_COLUMNS.updated_at),
    "etag": fields.Field(TIME, _COLUMNS.updated_at),
}


def _check_profile(name: str) -> str:
    if name not in PROFILES:
        raise ValueError(f"is none of {', '.join(PROFILES)}")
    return name


def _check_block(size: int) -> int:
    if size not in (16, 32, 64, 128, 256, 512, 1024):
        raise ValueError("is no power of two from 16 to 1024")
    return size


def _check_format(content_format: int) -> int:
    if content_format not in FORMATS:
        raise ValueError(f"is none of {', '.join(map(str, FORMATS))}")
    return content_format


def _check_endpoint_name(text: str) -> EndpointName:
    try:
        return names.parse_endpoint_name(text)
    except InvalidName as error:
        raise ValueError(error.reason) from error


ProfileName = Annotated[str, AfterValidator(_check_profile)]
ShortServerId = Annotated[
    int, Field(ge=SHORT_SERVER_IDS.start, lt=SHORT_SERVER_IDS.stop)
]
Resources = Annotated[
    dict[str, Any],
    Field(max_length=64, description='Values by resource: `{"1": 300, "7": "UQ"}`.'),
]
Pattern = Annotated[
    str, Field(max_length=names.ENDPOINT_NAME_LENGTH), AfterValidator(storable)
]
InstancePath = Annotated[str, Field(max_length=12)]


class DeviceProfileBody(BaseModel):
    """What an account knows better of its devices; what is not given is recognized."""

    name: ProfileName | None = Field(
        default=None, description="The profile that they have in fact."
    )
    deletes: bool | None = Field(default=None, description="Begin with a delete of /.")
    discovers: bool | None = Field(default=None, description="Ask what there is.")
    block_size: Annotated[int, AfterValidator(_check_block)] | None = None
    first_instance: int | None = Field(default=None, ge=0, lt=LARGEST_ID)
    takes_instances: bool | None = Field(
        default=None, description="Write /0 with instances instead of /0/0."
    )
    takes_keys: bool | None = Field(default=None, description="They can use PSKs.")
    enrolls: bool | None = Field(default=None, description="They can enroll by EST.")
    pins: bool | None = Field(
        default=None, description="Resource 4 is the server's certificate, not a CA's."
    )


class ServerBody(BaseModel):
    """A server besides ours: its instances of both objects."""

    short_server_id: ShortServerId
    security: Resources
    server: Resources


class InstanceBody(BaseModel):
    """An instance of any other object."""

    path: InstancePath = Field(description="Object and instance: `/3/0`.")
    version: str | None = Field(
        default=None, max_length=9, description="Of the object; the newest if missing."
    )
    resources: Resources


class ConfigurationChanges(BaseModel):
    """What is to be different of a configuration; what is not given stays.

    A secret that is shown as ``***`` stays if it is said like that.
    """

    name: Annotated[Line, Field(min_length=1)] | None = None
    description: Text | None = None
    priority: int | None = Field(
        default=None, ge=0, le=1_000_000, description="The highest one counts."
    )
    endpoint_name_pattern: Pattern | None = Field(
        default=None, description="With `*` and `?`; empty for all devices."
    )
    device_profiles: list[ProfileName] | None = Field(
        default=None, max_length=len(PROFILES), description="Empty for all of them."
    )
    device_profile: DeviceProfileBody | None = None
    short_server_id: ShortServerId | None = None
    server: Resources | None = None
    servers: list[ServerBody] | None = Field(default=None, max_length=MOST_SERVERS)
    objects: list[InstanceBody] | None = Field(default=None, max_length=MOST_OBJECTS)
    reads: list[InstancePath] | None = Field(
        default=None,
        max_length=MOST_READS,
        description="What to read and tell when all is written: `/1`.",
    )
    bootstrap_pack: bool | None = Field(
        default=None, description="Let devices fetch all of it at once."
    )

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns."""
        return self.model_dump(exclude_none=True)


class ConfigurationBody(ConfigurationChanges):
    """A configuration to be made; its name is its own in the account."""

    name: Annotated[Line, Field(min_length=1)]

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns, and what stands where nothing is."""
        return {**UNSAID, **super().given()}


UNSAID: Mapping[str, Any] = {
    "description": "",
    "priority": 0,
    "endpoint_name_pattern": "",
    "device_profiles": [],
    "device_profile": {},
    "short_server_id": SERVER_ACCOUNT,
    "server": {},
    "servers": [],
    "objects": [],
    "reads": [],
    "bootstrap_pack": False,
}


class DryRunBody(BaseModel):
    """A device that might come, and perhaps a configuration that is not kept yet."""

    endpoint_name: Annotated[EndpointName, AfterValidator(_check_endpoint_name)]
    device_profile: ProfileName = "lwm2m-1.1"
    pct: Annotated[int, AfterValidator(_check_format)] = Field(
        default=TLV, description="The content format that it prefers."
    )
    means: Literal["nosec", "psk", "certificate", "developer"] = Field(
        default="certificate", description="What it comes with."
    )
    discovered: str = Field(
        default="", max_length=10_000, description="What it says to a discover, if any."
    )
    bootstrap_pack: bool = Field(
        default=False, description="It asks for all of it at once."
    )
    configuration: ConfigurationChanges | None = Field(
        default=None, description="To be used instead of what is kept."
    )
