"""What happened to devices, as the directory remembers it: ``client.events``."""

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime

from homeport.client.calls import Call, one, page, segment
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = "/v3/device-events"


class DeviceEvent(Record):
    """One entry of the log; ``changes`` are changed members with their new values."""

    id: str
    date_time: AwareDatetime
    device_id: str
    event_type: str
    """``update.device.device-registered`` and the like."""
    event_type_category: str = ""
    event_type_description: str = ""
    state_change: bool = False
    description: str = ""
    changes: Mapping[str, Any] = {}
    data: Mapping[str, Any] = {}


class DeviceEvents(Group[From]):
    """The log of an account's devices."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[DeviceEvent]]:
        """List what happened: by ``device_id``, ``date_time__gte``, ``event_type``."""
        return page(PATH, DeviceEvent, asked)

    @single
    @staticmethod
    def get(event_id: str) -> Call[DeviceEvent]:
        """Return one thing that happened; raise NotFound."""
        return one("GET", f"{PATH}/{segment(event_id)}", DeviceEvent)
