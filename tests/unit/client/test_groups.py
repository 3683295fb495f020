"""``client.groups``: groups of devices, and who is in them."""

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

GROUP = {"id": "1", "name": "attic", "devices_count": 2}
ONE = "/v3/device-groups/1"

CALLS = [
    Made(lambda client: client.groups.get("1"), "GET", ONE),
    Made(lambda client: client.groups.delete("1"), "DELETE", ONE),
    Made(
        lambda client: client.groups.create("attic", description="up"),
        *("POST", "/v3/device-groups"),
        {"name": "attic", "description": "up", "custom_attributes": {}},
    ),
    Made(
        lambda client: client.groups.update("1", name="cellar"),
        *("PUT", ONE, {"name": "cellar"}),
    ),
    Made(
        lambda client: client.groups.add("1", "2"),
        *("POST", f"{ONE}/devices/add", {"device_id": "2"}),
    ),
    Made(
        lambda client: client.groups.remove("1", "2"),
        *("POST", f"{ONE}/devices/remove", {"device_id": "2"}),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(GROUP)
    api.check(made)


def test_groups_and_their_devices_are_listed(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"data": [GROUP]})
    api.will_answer({"data": [{"id": "2", "state": "registered"}]})
    (group,) = client.groups.list(devices_count__gte=1)
    (device,) = client.groups.devices("1", state="registered")
    assert (group.name, device.id) == ("attic", "2")
    assert [path for _, path in api.asked] == [
        "/v3/device-groups?devices_count__gte=1",
        f"{ONE}/devices?state__eq=registered",
    ]
