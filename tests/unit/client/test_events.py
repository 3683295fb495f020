"""``client.events``: what happened to devices."""

from homeport.client import Client
from tests.support.api import ScriptedApi

EVENT = {
    "id": "1",
    "date_time": "2026-11-25T12:00:00.000000Z",
    "device_id": "2",
    "event_type": "update.device.device-registered",
    "state_change": True,
    "changes": {"state": "registered"},
}


def test_events_of_a_device_are_listed(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"data": [EVENT]})
    (event,) = client.events.list(device_id="2", order="DESC")
    assert api.asked == [("GET", "/v3/device-events?device_id__eq=2&order=DESC")]
    assert event.state_change
    assert event.changes == {"state": "registered"}


def test_one_event_is_had(api: ScriptedApi, client: Client) -> None:
    api.will_answer(EVENT)
    assert client.events.get("1").event_type == "update.device.device-registered"
    assert api.asked == [("GET", "/v3/device-events/1")]
