"""`homeport events` shows what happened in a line each."""

from datetime import UTC, datetime

from homeport.client.events import DeviceEvent
from homeport.commands.events import COLUMNS

EVENT = DeviceEvent(
    id="1",
    date_time=datetime(2026, 11, 25, 12, tzinfo=UTC),
    device_id="2",
    event_type="update.device.device-registered",
    data={"endpoint_name": "kitchen"},
)


def test_a_line_names_the_device_and_the_fact() -> None:
    assert COLUMNS["device"](EVENT) == "kitchen"
    assert COLUMNS["event"](EVENT) == "device-registered"


def test_a_device_without_name_is_told_by_its_id() -> None:
    assert COLUMNS["device"](EVENT.model_copy(update={"data": {}})) == "2"
