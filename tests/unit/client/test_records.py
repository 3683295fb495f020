"""Objects are values, and a page knows what the next one is asked for with."""

import pytest
from pydantic import ValidationError

from homeport.client.devices import Device
from homeport.client.records import Page
from homeport.client.shared_keys import SharedKey

ONE = Device(id="1", state="registered")


def test_an_object_stays_as_it_was() -> None:
    with pytest.raises(ValidationError):
        ONE.state = "deregistered"  # type: ignore[misc] # that is the point


def test_the_last_object_leads_to_the_next_page() -> None:
    assert Page[Device](data=(ONE,), has_more=True).marker == "1"


def test_a_marker_that_is_given_leads_there_instead() -> None:
    key = SharedKey(endpoint_name="kitchen")
    page = Page[SharedKey](data=(key,), has_more=True, continuation_marker="m")
    assert page.marker == "m"


@pytest.mark.parametrize(
    "page", [Page[Device](data=(ONE,)), Page[Device](data=(), has_more=True)]
)
def test_a_list_ends(page: Page[Device]) -> None:
    assert page.marker == ""
