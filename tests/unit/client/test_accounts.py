"""``client.accounts`` and ``client.api_keys``."""

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

KEY = {"id": "1", "key": "ak_1whole", "name": "app", "role": "reader", "groups": []}
ONE = "/v3/api-keys/1"

CALLS = [
    Made(lambda client: client.accounts.me(), "GET", "/v3/accounts/me"),
    Made(lambda client: client.api_keys.me(), "GET", "/v3/api-keys/me"),
    Made(lambda client: client.api_keys.get("1"), "GET", ONE),
    Made(lambda client: client.api_keys.delete("1"), "DELETE", ONE),
    Made(
        lambda client: client.api_keys.create("app", role="reader"),
        *("POST", "/v3/api-keys"),
        {"name": "app", "role": "reader", "owner": "", "groups": []},
    ),
    Made(
        lambda client: client.api_keys.update("1", status="INACTIVE"),
        *("PUT", ONE, {"status": "INACTIVE"}),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(KEY)
    api.check(made)


def test_a_key_is_not_shown(api: ScriptedApi, client: Client) -> None:
    api.will_answer(KEY)
    made = client.api_keys.create("app")
    assert made.key == "ak_1whole"
    assert "whole" not in repr(made)


def test_keys_are_listed(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"data": [KEY]})
    assert [key.name for key in client.api_keys.list(owner="me")] == ["app"]
    assert api.asked == [("GET", "/v3/api-keys?owner__eq=me")]
