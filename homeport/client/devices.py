"""Devices: ``client.devices``."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, TypedDict, Unpack

from pydantic import AwareDatetime

from homeport.client.calls import Call, nothing, one, page, segment
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = "/v3/devices"


class Device(Record):
    """A device as the directory has it; what is not known of it is empty or None."""

    id: str
    account_id: str = ""
    state: str
    """unenrolled, cloud_enrolling, bootstrapped, registered or deregistered."""
    endpoint_name: str = ""
    """What it calls itself."""
    endpoint_type: str = ""
    name: str = ""
    description: str = ""
    custom_attributes: Mapping[str, str] = {}
    groups: tuple[str, ...] = ()
    device_execution_mode: int = 0
    """0 unspecified, 1 developer, 5 production."""
    device_key: str = ""
    ca_id: str = ""
    issuer_fingerprint: str | None = None
    lifecycle_status: str = "enabled"
    operator_suspended: bool = False
    last_operator_suspended_category: str = ""
    last_operator_suspended_description: str = ""
    last_operator_suspended_updated_at: AwareDatetime | None = None
    bootstrap_expiration_date: date | None = None
    connector_expiration_date: date | None = None
    bootstrapped_timestamp: AwareDatetime | None = None
    enrolment_list_timestamp: AwareDatetime | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    host_gateway: str = ""
    serial_number: str = ""
    vendor_id: str = ""
    device_class: str = ""
    firmware_checksum: str = ""
    etag: str = ""


class DeviceChanges(TypedDict, total=False):
    """What may be different of a device; what is not given stays as it is."""

    name: str
    description: str
    custom_attributes: Mapping[str, str]
    """All of them: those that are there are replaced."""
    endpoint_type: str
    device_key: str
    ca_id: str
    host_gateway: str
    auto_update: bool


class NewDevice(DeviceChanges, total=False):
    """What is known of a device before it comes."""

    endpoint_name: str
    state: str
    device_execution_mode: Literal[0, 1, 5]
    issuer_fingerprint: str
    bootstrap_expiration_date: date
    connector_expiration_date: date
    serial_number: str
    vendor_id: str
    device_class: str
    firmware_checksum: str


class Devices(Group[From]):
    """The devices of an account."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[Device]]:
        """List devices by any filter, ``state="registered"`` or ``name__in=[...]``.

        Custom attributes are asked for by ``custom_attributes__<key>``. ``order`` is
        ASC or DESC, by the time of creation; ``limit`` is how many a page has.
        """
        return page(PATH, Device, asked)

    @single
    @staticmethod
    def get(device_id: str) -> Call[Device]:
        """Return a device; raise NotFound."""
        return one("GET", _path(device_id), Device)

    @single
    @staticmethod
    def create(**device: Unpack[NewDevice]) -> Call[Device]:
        """Record a device before it comes; raise Conflict where its name is taken."""
        return one("POST", PATH, Device, device)

    @single
    @staticmethod
    def update(device_id: str, **changes: Unpack[DeviceChanges]) -> Call[Device]:
        """Change what is said of a device."""
        return one("PUT", _path(device_id), Device, changes)

    @single
    @staticmethod
    def delete(device_id: str) -> Call[None]:
        """Delete a developer's device, or one that has never come."""
        return nothing("DELETE", _path(device_id))

    @single
    @staticmethod
    def suspend(
        device_id: str, *, category: str = "maintenance", description: str = ""
    ) -> Call[None]:
        """End a device's registration and keep it out until it is resumed."""
        why = {"category": category, "description": description}
        return nothing("POST", f"{_path(device_id)}/suspend", why)

    @single
    @staticmethod
    def resume(
        device_id: str, *, category: str = "maintenance", description: str = ""
    ) -> Call[None]:
        """Let a device come again; the category is that of its suspension."""
        why = {"category": category, "description": description}
        return nothing("POST", f"{_path(device_id)}/resume", why)


def _path(device_id: str) -> str:
    return f"{PATH}/{segment(device_id)}"
