"""What links say besides the structure."""

import pytest

from homeport.coap import codec
from homeport.protocol import linkformat, structure
from homeport.protocol.structure import Structure
from homeport.store import values
from homeport.store.values import LARGEST
from services.lwm2m import links
from tests.support.captures import captures

NOW = 1_000


def listed(payload: bytes) -> Structure:
    return structure.from_links(linkformat.parse(payload))


def test_numbers_become_tokens_of_two_bytes() -> None:
    found = links.observed(listed(b'</3/0/2>;aobs="350",</3/0/9/1>;aobs="65535",</5>'))
    assert found == "015e /3/0/2\nffff /3/0/9/1\n"


@pytest.mark.parametrize(
    "payload",
    [
        *(b"</3/0/2>;aobs", b'</3/0/2>;aobs="65536"', b'</3/0/2>;aobs="-1"'),
        *(b'</3/0/2>;aobs="1x"', b'</3/0>;aobs="1"', b'</door>;aobs="1"', b""),
        '</3/0/2>;aobs="²"'.encode(),
    ],
)
def test_what_is_no_number_of_a_resource_is_passed_over(payload: bytes) -> None:
    assert links.observed(listed(payload)) == ""


def test_values_are_kept_as_text() -> None:
    said = listed(b'</3/0/2>;v="0",</14/0/2>;v="a, b",</5/0>;v="1"').items()
    lines = [line.split(" ", 1) for line in links.reported(said, NOW).splitlines()]
    assert [path for path, _ in lines] == ["/3/0/2", "/14/0/2"]
    kept = values.parse(lines[1][1])
    assert (kept.content_format, kept.payload, kept.at) == (0, b"a, b", NOW)


def test_a_value_that_is_too_large_is_left_out() -> None:
    assert links.reported([("/3/0/2", {"v": "x" * (LARGEST + 1)})], NOW) == ""


def test_what_a_captured_device_observes_itself_is_found() -> None:
    captured = captures()["izuma-udp-auto-observe"]
    told = [codec.decode(datagram) for sender, datagram in captured]
    blocks = [each.payload for each in told if each.path == ("rd",)]
    found = links.observed(listed(b"".join(dict.fromkeys(blocks)))).splitlines()
    known = dict(line.split(" ") for line in found)
    notified = {each.token.hex() for each in told if len(each.token) == 2}
    assert known["015e"] == "/10252/0/3"
    assert notified
    assert notified <= known.keys()
