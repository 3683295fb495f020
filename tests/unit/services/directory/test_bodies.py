"""Lists, and how the API pages describe them."""

from services.directory import bodies
from services.directory.catalog import Listing
from services.directory.devices.device_fields import DEVICE
from services.directory.queries import Query


def test_a_list_says_where_it_stands() -> None:
    listing = Listing([], has_more=True, total_count=None)
    assert bodies.build_list(listing, Query(), DEVICE) == {
        "object": "list",
        "data": [],
        "limit": 50,
        "order": "ASC",
        "after": None,
        "has_more": True,
    }


def test_a_total_count_of_nothing_is_told() -> None:
    listing = Listing([], has_more=False, total_count=0)
    query = Query(after="a" * 32, descending=True, total_count=True)
    body = bodies.build_list(listing, query, DEVICE)
    assert (body["total_count"], body["after"], body["order"]) == (0, "a" * 32, "DESC")


def test_the_description_of_a_list_names_every_filter() -> None:
    described = bodies.describe_list(DEVICE)["openapi_extra"]["parameters"]
    (filters,) = (each for each in described if each["name"] == "filters")
    assert filters["schema"]["properties"]["state__eq"] == {"type": "string"}
    assert "object__eq" not in filters["schema"]["properties"]
