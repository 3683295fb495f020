"""``client.consumers``: named consumers, beside the channels of keys."""

from datetime import UTC, datetime

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

PATH = "/v2/notification/consumers"
CONSUMER = {
    "name": "billing",
    "facts": ["device.registered"],
    "groups": ["2"],
    "created_at": "2026-11-25T12:00:00.000000Z",
    "sequence": 4,
    "waiting": 2,
    "dropped": 1,
    "connected": True,
}
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

CALLS = [
    Made(
        lambda client: client.consumers.put("billing"),
        *("PUT", f"{PATH}/billing"),
        {"facts": [], "devices": [], "groups": [], "paths": [], "start": "now"},
    ),
    Made(
        lambda client: client.consumers.put(
            "a/b",
            facts=("resource.notified",),
            devices=("1",),
            groups=("2",),
            paths=("/3303/*",),
            start=NOON,
        ),
        *("PUT", f"{PATH}/a%2Fb"),
        {
            "facts": ["resource.notified"],
            "devices": ["1"],
            "groups": ["2"],
            "paths": ["/3303/*"],
            "start": "2026-11-25T12:00:00+00:00",
        },
    ),
    Made(lambda client: client.consumers.get("billing"), "GET", f"{PATH}/billing"),
    Made(
        lambda client: client.consumers.confirm("billing", "7"),
        *("PUT", f"{PATH}/billing/cursor", {"sequence": 7}),
    ),
    Made(
        lambda client: client.consumers.restart("billing", "first"),
        *("PUT", f"{PATH}/billing/cursor", {"start": "first"}),
    ),
    Made(
        lambda client: client.consumers.delete("billing"),
        *("DELETE", f"{PATH}/billing"),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(CONSUMER)
    api.check(made)


def test_it_says_how_it_goes(api: ScriptedApi, client: Client) -> None:
    api.will_answer(CONSUMER)
    found = client.consumers.get("billing")
    assert (found.sequence, found.waiting, found.dropped) == (4, 2, 1)
    assert found.connected
    assert found.groups == ("2",)


def test_the_next_page_comes_after_a_name(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"data": [CONSUMER], "has_more": True})
    api.will_answer({"data": [CONSUMER | {"name": "dashboard"}], "has_more": False})
    names = [each.name for each in client.consumers.list(limit=2)]
    assert names == ["billing", "dashboard"]
    assert api.asked == [
        ("GET", f"{PATH}?limit=2"),
        ("GET", f"{PATH}?limit=2&after=billing"),
    ]
