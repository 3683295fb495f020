"""Groups of devices: ``client.groups``."""

from collections.abc import Mapping
from typing import TypedDict, Unpack

from pydantic import AwareDatetime

from homeport.client.calls import Call, nothing, one, page, segment
from homeport.client.devices import Device
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = "/v3/device-groups"


class DeviceGroup(Record):
    """A group, and how many devices are in it."""

    id: str
    name: str
    description: str = ""
    custom_attributes: Mapping[str, str] = {}
    devices_count: int = 0
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    etag: str = ""


class GroupChanges(TypedDict, total=False):
    """What may be different of a group; what is not given stays as it is."""

    name: str
    description: str
    custom_attributes: Mapping[str, str]


class DeviceGroups(Group[From]):
    """The groups that an account sorts its devices into."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[DeviceGroup]]:
        """List groups: by ``name``, ``devices_count__gte``, times."""
        return page(PATH, DeviceGroup, asked)

    @single
    @staticmethod
    def get(group_id: str) -> Call[DeviceGroup]:
        """Return a group; raise NotFound."""
        return one("GET", _path(group_id), DeviceGroup)

    @single
    @staticmethod
    def create(
        name: str,
        *,
        description: str = "",
        custom_attributes: Mapping[str, str] | None = None,
    ) -> Call[DeviceGroup]:
        """Make a group without devices; raise Conflict where the name is taken."""
        body = {
            "name": name,
            "description": description,
            "custom_attributes": custom_attributes or {},
        }
        return one("POST", PATH, DeviceGroup, body)

    @single
    @staticmethod
    def update(group_id: str, **changes: Unpack[GroupChanges]) -> Call[DeviceGroup]:
        """Change what is said of a group."""
        return one("PUT", _path(group_id), DeviceGroup, changes)

    @single
    @staticmethod
    def delete(group_id: str) -> Call[None]:
        """Delete a group; its devices stay."""
        return nothing("DELETE", _path(group_id))

    @listed
    @staticmethod
    def devices(group_id: str, **asked: Asked) -> Call[Page[Device]]:
        """List the devices of a group, by any filter of devices."""
        return page(f"{_path(group_id)}/devices", Device, asked)

    @single
    @staticmethod
    def add(group_id: str, device_id: str) -> Call[None]:
        """Put a device into a group; it may be there already."""
        body = {"device_id": device_id}
        return nothing("POST", f"{_path(group_id)}/devices/add", body)

    @single
    @staticmethod
    def remove(group_id: str, device_id: str) -> Call[None]:
        """Take a device out of a group; it need not be there."""
        body = {"device_id": device_id}
        return nothing("POST", f"{_path(group_id)}/devices/remove", body)


def _path(group_id: str) -> str:
    return f"{PATH}/{segment(group_id)}"
