"""What happened to a device: facts in the past tense, complete, frozen, versioned.

A fact's id is made when it happens and never changes, so a consumer that sees it
twice knows it. ``revision`` orders the facts of one device: microseconds of the
store's clock, never equal for two facts of one bucket, never going back.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic import ValidationError as PydanticValidationError

from homeport.errors import InvalidFormat

VERSION = "v1"
"""Part of every subject and event type; a fact's meaning never changes within it."""

_ID = "^[0-9a-f]{32}$"


class FactName(StrEnum):
    """The names of the facts, as they stand in subjects and event types."""

    DEVICE_BOOTSTRAPPING = "device.bootstrapping"
    DEVICE_BOOTSTRAPPED = "device.bootstrapped"
    BOOTSTRAP_FAILED = "bootstrap.failed"
    DEVICE_REGISTERED = "device.registered"
    REGISTRATION_UPDATED = "registration.updated"
    DEVICE_DEREGISTERED = "device.deregistered"
    REGISTRATION_EXPIRED = "registration.expired"
    REGISTRATION_REFUSED = "registration.refused"
    QUEUE_CLEARED = "queue.cleared"
    REQUEST_COMPLETED = "request.completed"
    RESOURCE_NOTIFIED = "resource.notified"


class RequestOutcome(StrEnum):
    """How a device request has ended."""

    ANSWERED = "answered"
    """The device has answered; its code says what."""
    EXPIRED = "expired"
    """It waited for too long and was never delivered."""
    REMOVED = "removed"
    """The registration that it was meant for is over (B-129)."""
    BLOCKED = "blocked"
    """The device has been suspended (B-166)."""
    TIMEOUT = "timeout"
    """The device did not answer, however often it was tried."""
    UNREACHABLE = "unreachable"
    """The device could not be reached, or has refused the message."""
    DISCONNECTED = "disconnected"
    """There was no connection over TCP or TLS."""
    REFUSED = "refused"
    """It is nothing that this device could be asked; it was not sent."""


class Fact(BaseModel):
    """What every fact says."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    name: ClassVar[FactName]

    id: str = Field(description="Unique for ever; the same whenever it is repeated.")
    time: AwareDatetime = Field(description="When it happened, in UTC.")
    revision: int = Field(ge=0, lt=2**63, description="Orders the facts of one device.")
    account_id: str = Field(pattern=_ID, description="32 hex characters.")
    device_id: str = Field(pattern=_ID, description="32 hex characters.")
    endpoint_name: str = Field(description="What the device calls itself.")


class Resource(BaseModel):
    """One entry of a device's resource structure."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    path: str = Field(description="Object, instance, resource: '/3/0/1'.")
    rt: str | None = Field(default=None, description="Resource type.")
    interface: str | None = Field(default=None, alias="if", description="Interface.")
    ct: str | None = Field(default=None, description="Content formats, as given.")
    obs: bool = Field(default=False, description="Whether it can be observed.")
    attributes: dict[str, str | bool] = Field(
        default_factory=dict, description="All other link attributes."
    )


class Registration(Fact):
    """What is known of a registration when it begins or changes."""

    registration_id: str = Field(description="The device's id and a random suffix.")
    lifetime: int = Field(ge=0, lt=2**63, description="Seconds.")
    expires_at: AwareDatetime = Field(description="When it ends unless renewed.")
    binding: str = Field(description="As the device gave it.")
    queue_mode: bool = Field(description="Whether the device sleeps.")
    lwm2m_version: str = Field(description="1.0, 1.1 or 1.2.")
    endpoint_type: str = Field(description="The device's 'et', or nothing.")
    profile: str = Field(
        description="Which kind of device it is: 'izuma', 'lwm2m-1.1', …"
    )
    parameters: dict[str, str] = Field(
        default_factory=dict, description="Register parameters we do not know."
    )
    resources: tuple[Resource, ...] = Field(description="The full structure.")


class DeviceRegistered(Registration):
    """A device registered; an earlier registration of it is over."""

    name: ClassVar = FactName.DEVICE_REGISTERED
    fact: Literal["device.registered"] = "device.registered"
    identity: str = Field(default="", description="What the device has proved to be.")
    credential_issued: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="When we issued its credential, ms since 1970; 0 if not ours.",
    )
    conflicts_with: str = Field(
        default="",
        description=(
            "An identity conflict: where another device with the same credential was "
            "heard less than a minute before, without having left."
        ),
    )


class RegistrationUpdated(Registration):
    """A device renewed its registration, and possibly changed it."""

    name: ClassVar = FactName.REGISTRATION_UPDATED
    fact: Literal["registration.updated"] = "registration.updated"
    changes: tuple[str, ...] = Field(
        description="What changed besides the expiry; nothing for a mere refresh."
    )


class DeviceDeregistered(Fact):
    """A registration ended: its device has left, or is let in no more."""

    name: ClassVar = FactName.DEVICE_DEREGISTERED
    fact: Literal["device.deregistered"] = "device.deregistered"
    registration_id: str


class RegistrationExpired(Fact):
    """A registration's lifetime passed without an update."""

    name: ClassVar = FactName.REGISTRATION_EXPIRED
    fact: Literal["registration.expired"] = "registration.expired"
    registration_id: str


class RegistrationRefused(Fact):
    """A registration operation was refused, or put on hold (B-067, B-115).

    One fact for each hold, and one a minute for other refusals of a device.
    """

    name: ClassVar = FactName.REGISTRATION_REFUSED
    fact: Literal["registration.refused"] = "registration.refused"
    reason: str
    fingerprint: str = Field(
        default="", description="SHA-256 of the certificate, if there was one."
    )


class QueueCleared(Fact):
    """Device requests that waited will not be delivered; each has completed (B-131)."""

    name: ClassVar = FactName.QUEUE_CLEARED
    fact: Literal["queue.cleared"] = "queue.cleared"
    reason: str = Field(
        description=(
            "registered, deregistered, expired, suspended, deleted or withdrawn."
        )
    )
    requests: tuple[str, ...] = Field(description="The ids of the requests.")


class RequestCompleted(Fact):
    """A device request has ended, one way or another; there is one fact for each."""

    name: ClassVar = FactName.REQUEST_COMPLETED
    fact: Literal["request.completed"] = "request.completed"
    request_id: str
    key_id: str = Field(description="The API key that asked; nothing if we did.")
    async_id: str = Field(description="What the caller calls the request.")
    method: str = Field(description="GET, PUT, POST, DELETE, FETCH or IPATCH.")
    path: str = Field(description="What was asked for: '/3/0/0'.")
    outcome: RequestOutcome
    code: str = Field(
        default="", description="The device's answer: '2.05', or nothing."
    )
    content_format: int | None = Field(
        default=None, description="Of the payload, by its number."
    )
    max_age: int = Field(
        default=60, ge=0, lt=2**32, description="Seconds that the answer holds for."
    )
    payload: str = Field(default="", description="What the device said, in base64.")
    observe: bool | None = Field(
        default=None, description="Whether it was to begin or to end an observation."
    )
    observed: bool = Field(
        default=False, description="Whether the device will notify of changes."
    )


class ResourceNotified(Fact):
    """A device has told a value that somebody observes, or has sent one unasked."""

    name: ClassVar = FactName.RESOURCE_NOTIFIED
    fact: Literal["resource.notified"] = "resource.notified"
    endpoint_type: str = Field(default="", description="The device's 'et', or nothing.")
    path: str = Field(description="Object, instance, resource: '/3/0/1'.")
    code: str = Field(
        default="2.05", description="An error's code ends the observation."
    )
    content_format: int | None = Field(
        default=None, description="Of the payload, by its number."
    )
    max_age: int = Field(
        default=60, ge=0, lt=2**32, description="Seconds that the value holds for."
    )
    payload: str = Field(default="", description="The value, in base64.")
    sent: bool = Field(
        default=False, description="Whether the device has sent it unasked."
    )


class DeviceBootstrapping(Fact):
    """A device's bootstrap request was accepted."""

    name: ClassVar = FactName.DEVICE_BOOTSTRAPPING
    fact: Literal["device.bootstrapping"] = "device.bootstrapping"


class DeviceBootstrapped(Fact):
    """A device has everything it needs to register."""

    name: ClassVar = FactName.DEVICE_BOOTSTRAPPED
    fact: Literal["device.bootstrapped"] = "device.bootstrapped"
    means: str = Field(default="", description="By what the device proved itself.")
    fingerprint: str = Field(
        default="", description="SHA-256 of the certificate that it came with."
    )
    developer: str = Field(
        default="", description="SHA-256 of the developer certificate it came with."
    )
    device_key: str = Field(
        default="", description="SHA-256 of the device's certificate."
    )
    ca_id: str = Field(default="", description="The CA that it came with.")
    issuer_fingerprint: str = Field(
        default="", description="SHA-256 of the certificate that signed the device's."
    )
    bootstrap_expires_at: AwareDatetime | None = Field(
        default=None, description="When the credential it came with ends."
    )
    credential_expires_at: AwareDatetime | None = Field(
        default=None, description="When the credential it has been given ends."
    )
    execution_mode: int = Field(
        default=0, description="0 unspecified, 1 developer, 5 production."
    )
    read: dict[str, int | float | bool | str] = Field(
        default_factory=dict, description="What was read of it, by path: '/1/0/1'."
    )


class BootstrapFailed(Fact):
    """A bootstrap ended before its finish; the device may try again."""

    name: ClassVar = FactName.BOOTSTRAP_FAILED
    fact: Literal["bootstrap.failed"] = "bootstrap.failed"
    step: str = Field(description="What was asked of the device: 'PUT /0'.")
    code: str = Field(description="The device's answer: '4.00'; nothing if silent.")
    reason: str
    fingerprint: str = Field(
        default="", description="SHA-256 of the certificate, if there was one."
    )
    trusted_certificate_id: str = Field(
        default="", description="The inactive CA that the device was refused for."
    )


AnyFact = Annotated[
    DeviceBootstrapping
    | DeviceBootstrapped
    | BootstrapFailed
    | DeviceRegistered
    | RegistrationUpdated
    | DeviceDeregistered
    | RegistrationExpired
    | RegistrationRefused
    | QueueCleared
    | RequestCompleted
    | ResourceNotified,
    Field(discriminator="fact"),
]
"""Any of them, told apart by ``fact``."""

_ADAPTER: TypeAdapter[AnyFact] = TypeAdapter(AnyFact)


def parse(body: bytes | str) -> AnyFact:
    """Parse an event's body; raise InvalidFormat when it is no fact we know."""
    try:
        return _ADAPTER.validate_json(body)
    except PydanticValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidFormat("fact", f"{first['loc']} {first['msg']}") from error


def build(fact: Fact) -> bytes:
    """Build the body that `parse` reads."""
    return fact.model_dump_json(by_alias=True).encode()
