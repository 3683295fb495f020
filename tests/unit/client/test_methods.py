"""What is written once is a method of both clients."""

from typing import Any

import pytest

from homeport.client import Client, NotFound
from homeport.client.devices import Devices
from tests.support.api import ScriptedApi

PAGES: list[dict[str, Any]] = [
    {"data": [{"id": "1", "state": "a"}, {"id": "2", "state": "b"}], "has_more": True},
    {"data": [{"id": "3", "state": "c"}], "has_more": False, "total_count": 3},
]
ASKED = [
    ("GET", "/v3/devices?state__in=a%2Cb"),
    ("GET", "/v3/devices?state__in=a%2Cb&after=2"),
]


def script(api: ScriptedApi) -> None:
    for page in PAGES:
        api.will_answer(page)


def test_a_list_is_fetched_page_by_page(api: ScriptedApi, client: Client) -> None:
    script(api)
    devices = iter(client.devices.list(state__in=["a", "b"]))
    assert [next(devices).id, next(devices).id] == ["1", "2"]
    assert api.asked == ASKED[:1]
    assert [device.id for device in devices] == ["3"]
    assert api.asked == ASKED


async def test_a_list_is_awaited_page_by_page(api: ScriptedApi) -> None:
    script(api)
    async with api.async_client() as client:
        listing = client.devices.list(state__in=["a", "b"])
        assert [device.id async for device in listing] == ["1", "2", "3"]
    assert api.asked == ASKED


def test_a_list_can_be_iterated_again(api: ScriptedApi, client: Client) -> None:
    listing = client.devices.list()
    for _ in range(2):
        script(api)
        assert len(list(listing)) == 3


def test_one_page_can_be_had_alone(api: ScriptedApi, client: Client) -> None:
    script(api)
    page = client.devices.list(limit=2).page()
    assert (len(page.data), page.has_more) == (2, True)
    assert api.asked == [("GET", "/v3/devices?limit=2")]


async def test_they_are_counted_without_being_fetched(api: ScriptedApi) -> None:
    api.will_answer(PAGES[1])
    api.will_answer(PAGES[1])
    with api.client() as client:
        assert client.devices.list().count() == 3
    async with api.async_client() as waiting:
        assert await waiting.devices.list().count() == 3
    assert api.asked == [("GET", "/v3/devices?include=total_count")] * 2


async def test_an_object_is_awaited(api: ScriptedApi) -> None:
    api.will_answer({"id": "1", "state": "registered"})
    api.will_answer({"message": "none"}, status=404)
    async with api.async_client() as client:
        assert (await client.devices.get("1")).state == "registered"
        with pytest.raises(NotFound):
            await client.devices.get("2")


def test_a_method_keeps_what_is_said_of_it(client: Client) -> None:
    assert client.devices.get.__doc__ == Devices.get.__doc__
    assert str(client.devices.get.__doc__).startswith("Return a device")
    assert client.devices.list.__name__ == "list"
