"""What is to be registered as a shared key, and the words for what is wrong."""

import json

import pytest

from homeport.identity import Service
from services.directory.answers import Refused
from services.directory.catalog import Listing
from services.directory.credentials import shared_key_bodies
from services.directory.queries import Query

ACCENTED = "\N{LATIN SMALL LETTER E WITH ACUTE}"
NAME = "urn:dev:os:1 kettle"
SECRET = "00112233445566778899aabbccddeeff"


def body(**members: object) -> bytes:
    given = {"endpoint_name": NAME, "secret_hex": SECRET, **members}
    return json.dumps(given).encode()


def test_a_key_is_for_bootstrap_unless_it_says_otherwise() -> None:
    given = shared_key_bodies.parse(body())
    assert given.endpoint_name == NAME
    assert given.secret == bytes.fromhex(SECRET)
    assert given.service is Service.BOOTSTRAP
    assert shared_key_bodies.parse(body(service="lwm2m")).service is Service.LWM2M


@pytest.mark.parametrize(
    "secret", [f"0x{SECRET}", SECRET.upper(), f"0X{SECRET}", SECRET * 2]
)
def test_a_secret_may_be_written_in_many_ways(secret: str) -> None:
    assert shared_key_bodies.parse(body(secret_hex=secret)).secret[:3] == b"\0\x11\x22"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"", "MALFORMED_JSON_CONTENT"),
        (b"{", "MALFORMED_JSON_CONTENT"),
        (b"[]", "MALFORMED_JSON_CONTENT"),
        (b"{}", "INVALID_ENDPOINT_NAME,INVALID_SECRET_HEX"),
        (body(endpoint_name="x" * 15), "INVALID_ENDPOINT_NAME"),
        (body(endpoint_name="x" * 65), "INVALID_ENDPOINT_NAME"),
        (body(endpoint_name=ACCENTED * 20), "INVALID_ENDPOINT_NAME"),
        (body(endpoint_name=NAME + "\n"), "INVALID_ENDPOINT_NAME"),
        (body(endpoint_name=1), "INVALID_ENDPOINT_NAME"),
        (body(secret_hex=SECRET[2:]), "INVALID_SECRET_HEX"),
        (body(secret_hex=SECRET + "0"), "INVALID_SECRET_HEX"),
        (body(secret_hex=SECRET * 2 + "00"), "INVALID_SECRET_HEX"),
        (body(secret_hex=SECRET + "\n"), "INVALID_SECRET_HEX"),
        (body(secret_hex="g" * 32), "INVALID_SECRET_HEX"),
        (body(service="coap"), "INVALID_SERVICE"),
    ],
)
def test_what_is_wrong_has_a_word(given: bytes, words: str) -> None:
    with pytest.raises(Refused) as refused:
        shared_key_bodies.parse(given)
    assert (refused.value.status, refused.value.kind) == (400, words)


def test_a_secret_is_not_shown() -> None:
    assert SECRET not in repr(shared_key_bodies.parse(body()))
    with pytest.raises(Refused) as refused:
        shared_key_bodies.parse(body(endpoint_name=""))
    assert SECRET not in str(refused.value)


def test_the_last_page_has_no_marker() -> None:
    listing = Listing([], has_more=False, total_count=None)
    built = shared_key_bodies.build_list(listing, Query())
    assert built["continuation_marker"] is None
