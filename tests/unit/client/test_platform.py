"""``client.platform``."""

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

ACCOUNT = {"id": "1", "name": "kettles", "api_key": "ak_1whole", "device_limit": None}
ONE = "/v3/accounts/1"

CALLS = [
    Made(lambda client: client.platform.account("1"), "GET", ONE),
    Made(
        lambda client: client.platform.create_account("kettles", device_limit=7),
        *("POST", "/v3/accounts"),
        {"name": "kettles", "device_limit": 7},
    ),
    Made(
        lambda client: client.platform.update_account("1", device_limit=None),
        *("PUT", ONE, {"device_limit": None}),
    ),
    Made(
        lambda client: client.platform.create_api_key("1", "again"),
        *("POST", f"{ONE}/api-keys", {"name": "again", "role": "administrator"}),
    ),
    Made(
        lambda client: client.platform.delete_device("1", "2"),
        *("DELETE", f"{ONE}/devices/2"),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(ACCOUNT)
    api.check(made)


def test_a_key_is_not_shown(api: ScriptedApi, client: Client) -> None:
    api.will_answer(ACCOUNT)
    made = client.platform.create_account("kettles")
    assert made.api_key == "ak_1whole"
    assert "whole" not in repr(made)


def test_accounts_and_what_is_nobodys_are_listed(
    api: ScriptedApi, client: Client
) -> None:
    api.will_answer({"data": [ACCOUNT]})
    assert [each.name for each in client.platform.accounts()] == ["kettles"]
    api.will_answer({"data": [{"id": "1", "enrollment_identity": "A-4E"}]})
    (device,) = client.platform.unclaimed_devices(limit=2)
    assert device.enrollment_identity == "A-4E"
