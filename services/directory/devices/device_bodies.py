"""What callers say of devices (R-31 .. R-33, section 2 of the contract)."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from homeport import names
from homeport.errors import InvalidName
from services.directory.devices.devices import (
    CA_ID_LENGTH,
    DEVICE_KEY_LENGTH,
    ENDPOINT_TYPE_LENGTH,
    State,
)
from services.directory.storable import storable

MOST_ATTRIBUTES = 5
ATTRIBUTE_LENGTH = 128
DESCRIPTION_LENGTH = 2000
EXECUTION_MODES = (0, 1, 5)
"""Unspecified, developer, production."""

_KEY = re.compile("[a-zA-Z]")


def check_attributes(given: dict[str, str]) -> dict[str, str]:
    """Return custom attributes; raise ValueError for a key or value that is none."""
    for key, value in given.items():
        if not _KEY.match(key) or len(key) > ATTRIBUTE_LENGTH:
            raise ValueError(
                "a key begins with a letter and has "
                f"{ATTRIBUTE_LENGTH} characters at most"
            )
        if len(value) > ATTRIBUTE_LENGTH:
            raise ValueError(f"a value has {ATTRIBUTE_LENGTH} characters at most")
    return {storable(key): storable(value) for key, value in given.items()}


def _check_endpoint_name(text: str) -> str:
    try:
        return names.parse_endpoint_name(text) if text else ""
    except InvalidName as error:
        raise ValueError(error.reason) from error


def _check_execution_mode(mode: int) -> int:
    if mode not in EXECUTION_MODES:
        raise ValueError("is none of 0, 1 and 5")
    return mode


Attributes = Annotated[
    dict[str, str],
    Field(max_length=MOST_ATTRIBUTES),
    AfterValidator(check_attributes),
]
Text = Annotated[str, Field(max_length=DESCRIPTION_LENGTH), AfterValidator(storable)]
Line = Annotated[str, Field(max_length=128), AfterValidator(storable)]


class DeviceChanges(BaseModel):
    """What is to be different; what is not given stays (R-7)."""

    name: Line | None = None
    description: Text | None = None
    custom_attributes: Attributes | None = Field(
        default=None, description="All of them; those that are there are replaced."
    )
    endpoint_type: (
        Annotated[str, Field(max_length=ENDPOINT_TYPE_LENGTH), AfterValidator(storable)]
        | None
    ) = None
    device_key: (
        Annotated[str, Field(max_length=DEVICE_KEY_LENGTH), AfterValidator(storable)]
        | None
    ) = Field(default=None, description="SHA-256 of the device's certificate.")
    ca_id: (
        Annotated[str, Field(max_length=CA_ID_LENGTH), AfterValidator(storable)] | None
    ) = None
    host_gateway: Text | None = None
    auto_update: bool | None = None

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns."""
        return self.model_dump(exclude_none=True)


class DeviceBody(DeviceChanges):
    """A device that has not come yet (R-31)."""

    endpoint_name: Annotated[str, AfterValidator(_check_endpoint_name)] = Field(
        default="", description="What it calls itself; decides its id."
    )
    state: State = State.UNENROLLED
    device_execution_mode: Annotated[int, AfterValidator(_check_execution_mode)] = (
        Field(default=0, description="0 unspecified, 1 developer, 5 production.")
    )
    issuer_fingerprint: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    bootstrap_expiration_date: date | None = None
    connector_expiration_date: date | None = None
    mechanism: Literal["connector", "direct"] = "connector"
    mechanism_url: Text = ""
    serial_number: Annotated[str, Field(max_length=64), AfterValidator(storable)] = ""
    vendor_id: Annotated[str, Field(max_length=255), AfterValidator(storable)] = ""
    device_class: Annotated[str, Field(max_length=32), AfterValidator(storable)] = ""
    firmware_checksum: Text = ""
    manifest: Text = ""
    deployment: Text = ""

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns."""
        said = super().given()
        said["initial_state"] = said.pop("state").value
        return said


class Suspension(BaseModel):
    """Why a device is kept out, or let in again; the category must be a known one."""

    category: Line
    description: Text = ""
