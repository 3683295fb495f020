"""``client.queries``: filters that an account has saved."""

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

QUERY = {"id": "1", "name": "home", "query": "state=registered"}
ONE = "/v3/device-queries/1"
SAVED = {"name": "home", "query": "state=registered"}

CALLS = [
    Made(lambda client: client.queries.get("1"), "GET", ONE),
    Made(lambda client: client.queries.delete("1"), "DELETE", ONE),
    Made(
        lambda client: client.queries.create("home", "state=registered"),
        *("POST", "/v3/device-queries", SAVED),
    ),
    Made(
        lambda client: client.queries.update(
            "1", name="home", query="state=registered"
        ),
        *("PUT", ONE, SAVED),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(QUERY)
    api.check(made)


def test_a_saved_query_can_be_asked(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"data": [QUERY]})
    (saved,) = client.queries.list(name="home")
    list(client.devices.list(filter=saved.query))
    assert api.asked[-1] == ("GET", "/v3/devices?filter=state%3Dregistered")
