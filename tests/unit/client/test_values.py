"""``client.values``: what devices have said last."""

import pytest

from homeport.client import Client, NotFound
from tests.support.api import ScriptedApi

VALUE = {
    "path": "/3303/0/5700",
    "time": "2026-11-25T12:00:00.000000Z",
    "max-age": 7,
    "ct": "text/plain",
    "payload": "MjE=",
    "values": {"/3303/0/5700": 21.0},
}


def test_a_value_is_told_as_it_came_and_decoded(
    api: ScriptedApi, client: Client
) -> None:
    api.will_answer(VALUE)
    value = client.values.get("1", "/3303/0/5700")
    assert api.asked == [("GET", "/v2/values/1/3303/0/5700")]
    assert (value.content, value.max_age) == (b"21", 7)
    assert value.values == {"/3303/0/5700": 21.0}


def test_one_that_cannot_be_read_is_told_as_it_came(
    api: ScriptedApi, client: Client
) -> None:
    api.will_answer(VALUE | {"values": None})
    assert client.values.get("1", "3303/0/5700").values is None


def test_nothing_that_was_ever_said_is_not_found(
    api: ScriptedApi, client: Client
) -> None:
    api.will_answer(status=404, text="VALUE_NOT_FOUND")
    with pytest.raises(NotFound):
        client.values.get("1", "/3/0/0")
