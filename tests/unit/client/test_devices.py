"""``client.devices``: what is asked of the API, and what is made of its answers."""

from datetime import UTC, date, datetime

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

ID = "0" * 32
ONE = f"/v3/devices/{ID}"
DEVICE = {
    "object": "device",
    "id": ID,
    "state": "registered",
    "endpoint_name": "kitchen",
    "custom_attributes": {"room": "b"},
    "groups": [ID],
    "issuer_fingerprint": None,
    "connector_expiration_date": "2027-01-31",
    "bootstrapped_timestamp": None,
    "created_at": "2026-11-25T12:00:00.000000Z",
    "something_new": 1,
}

CALLS = [
    Made(lambda client: client.devices.get(ID), "GET", ONE),
    Made(lambda client: client.devices.delete(ID), "DELETE", ONE),
    Made(
        lambda client: client.devices.update(
            ID, name="n", custom_attributes={"a": "b"}
        ),
        *("PUT", ONE),
        {"name": "n", "custom_attributes": {"a": "b"}},
    ),
    Made(
        lambda client: client.devices.create(
            endpoint_name="kitchen", connector_expiration_date=date(2027, 1, 31)
        ),
        *("POST", "/v3/devices"),
        {"endpoint_name": "kitchen", "connector_expiration_date": "2027-01-31"},
    ),
    Made(
        lambda client: client.devices.suspend(ID, category="lost_or_stolen"),
        *("POST", f"{ONE}/suspend"),
        {"category": "lost_or_stolen", "description": ""},
    ),
    Made(
        lambda client: client.devices.resume(ID, description="found"),
        *("POST", f"{ONE}/resume"),
        {"category": "maintenance", "description": "found"},
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(DEVICE)
    api.check(made)


def test_a_device_is_read(api: ScriptedApi, client: Client) -> None:
    api.will_answer(DEVICE)
    device = client.devices.get(ID)
    assert device.created_at == datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert device.connector_expiration_date == date(2027, 1, 31)
    assert device.custom_attributes == {"room": "b"}
    assert device.groups == (ID,)
    assert device.bootstrapped_timestamp is None


def test_devices_are_asked_for_by_what_they_are(
    api: ScriptedApi, client: Client
) -> None:
    list(client.devices.list(state="registered", custom_attributes__room="b", limit=9))
    assert api.asked == [
        (
            "GET",
            "/v3/devices?state__eq=registered&custom_attributes__room__eq=b&limit=9",
        )
    ]


def test_an_id_cannot_lead_elsewhere(api: ScriptedApi, client: Client) -> None:
    client.devices.delete("../api-keys/1?x")
    assert api.asked == [("DELETE", "/v3/devices/..%2Fapi-keys%2F1%3Fx")]
