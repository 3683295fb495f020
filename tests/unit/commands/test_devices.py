"""`homeport devices` says how devices are, and which have changed."""

from homeport.client.devices import Device
from homeport.commands.devices import changed, condition

KITCHEN = Device(id="1", state="registered")
ATTIC = Device(id="2", state="registered")
GONE = Device(id="1", state="deregistered", operator_suspended=True)


def test_a_suspended_device_is_said_to_be_one() -> None:
    assert condition(KITCHEN) == "registered"
    assert condition(GONE) == "deregistered, suspended"


def test_devices_are_told_when_they_change() -> None:
    looks = [
        [KITCHEN, ATTIC],
        [KITCHEN, ATTIC],
        [GONE, ATTIC],
        [ATTIC],
        [KITCHEN, ATTIC],
    ]
    assert list(changed(looks)) == [KITCHEN, ATTIC, GONE, KITCHEN]
