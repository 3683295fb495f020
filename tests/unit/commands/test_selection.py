"""What is meant by the words that a command is given."""

import pytest

from homeport.commands.selection import await_device, find_device, parse_where
from homeport.errors import InvalidConfiguration
from tests.support.api import ScriptedApi

ID = "0a" * 16


def test_filters_are_those_of_the_api() -> None:
    assert parse_where(["state=registered", "name__in=a,b", "description=a=b"]) == {
        "state": "registered",
        "name__in": "a,b",
        "description": "a=b",
    }


@pytest.mark.parametrize("given", ["state", "=registered", ""])
def test_what_is_no_filter_is_a_sentence(given: str) -> None:
    with pytest.raises(InvalidConfiguration, match="is not FIELD=VALUE"):
        parse_where([given])


def test_an_id_is_not_looked_up() -> None:
    api = ScriptedApi()
    with api.client() as client:
        assert find_device(client, ID.upper()) == ID
    assert api.asked == []


def test_a_name_is_looked_up() -> None:
    api = ScriptedApi()
    api.will_answer({"data": [{"id": ID, "state": "registered"}]})
    with api.client() as client:
        assert find_device(client, "kitchen") == ID
    assert api.asked == [("GET", "/v3/devices?endpoint_name__eq=kitchen&limit=2")]


def test_a_name_that_nobody_has_is_a_sentence() -> None:
    api = ScriptedApi()
    api.will_answer({"data": []})
    with (
        api.client() as client,
        pytest.raises(InvalidConfiguration, match="'attic' is none of this account"),
    ):
        find_device(client, "attic")


async def test_a_client_that_is_awaited_finds_the_same() -> None:
    api = ScriptedApi()
    api.will_answer({"data": [{"id": ID, "state": "registered"}]})
    api.will_answer({"data": []})
    async with api.async_client() as client:
        assert await await_device(client, ID.upper()) == ID
        assert await await_device(client, "kitchen") == ID
        with pytest.raises(InvalidConfiguration, match="'attic' is none of this"):
            await await_device(client, "attic")
    assert len(api.asked) == 2
