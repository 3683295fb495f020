"""Accounts are written where the device has none, or one of the same server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.protocol import instances
from homeport.protocol.instances import NOTHING, SECURITY, SERVER, Listing


@pytest.mark.parametrize(
    ("links", "listing"),
    [
        (
            b"</>;lwm2m=1.1,</0/0>,</1/0>;ssid=123",
            Listing({0: ""}, {0: "123"}),
        ),
        (
            b'</>;lwm2m=1.2,</0/1>;uri="coap://h:1",</0/2>;ssid=7,</1/5>;ssid="7"',
            Listing({1: "", 2: "7"}, {5: "7"}),
        ),
        (b'lwm2m="1.0",</0>,</0/1>,</3/0>', Listing({1: ""}, {})),
        (b"</0>,</1>,</0/x>,</0/1/2>,</5/0>;ssid=1", NOTHING),
        (b"no links", NOTHING),
        (b"", NOTHING),
    ],
)
@pytest.mark.conforms("C-012", "1.1 Bootstrap-Discover", "Anjay bootstrap_discover")
def test_a_device_says_which_instances_it_has_and_whose(
    links: bytes, listing: Listing
) -> None:
    assert instances.parse(links) == listing


@given(st.binary())
def test_bytes_are_a_listing_whatever_they_are(payload: bytes) -> None:
    assert isinstance(instances.parse(payload), Listing)


@pytest.mark.parametrize(
    ("listed", "wanted", "first", "placed"),
    [
        ({}, (1,), 1, (1,)),
        ({}, (1, 2, 3), 0, (0, 1, 2)),
        ({0: "", 1: "9"}, (1, 2), 0, (2, 3)),
        ({0: "", 3: "1"}, (1,), 1, (3,)),
        ({1: "2", 2: ""}, (1, 2, 4), 1, (3, 1, 4)),
    ],
)
@pytest.mark.conforms("C-012", "B-190", "B-192")
def test_instances_are_free_or_of_the_same_server(
    listed: dict[int, str], wanted: tuple[int, ...], first: int, placed: tuple[int, ...]
) -> None:
    assert Listing(security=listed).place(SECURITY, wanted, first=first) == placed
    assert Listing(server=listed).place(SERVER, wanted, first=first) == placed
