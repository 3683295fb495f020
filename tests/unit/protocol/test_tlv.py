"""What is encoded decodes to the same, and what breaks off is refused."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import codec
from homeport.errors import InvalidFormat
from homeport.protocol import tlv
from homeport.protocol.tlv import (
    MultipleResource,
    ObjectInstance,
    Resource,
    ResourceInstance,
)
from tests.support.captures import captures

IDS = st.integers(0, 65_535)
VALUES = st.binary(max_size=12) | st.sampled_from([7, 8, 255, 256, 70_000]).map(bytes)
INSTANCES = st.builds(ResourceInstance, IDS, VALUES)
RESOURCES = st.builds(Resource, IDS, VALUES) | st.builds(
    MultipleResource, IDS, st.lists(INSTANCES, max_size=3).map(tuple)
)
ENTRIES = st.lists(
    RESOURCES
    | INSTANCES
    | st.builds(ObjectInstance, IDS, st.lists(RESOURCES, max_size=3).map(tuple)),
    max_size=4,
)


@given(ENTRIES)
@pytest.mark.conforms("C-198", "1.0 TLV")
def test_what_is_encoded_decodes_to_the_same(entries: list[tlv.Entry]) -> None:
    assert tlv.decode(tlv.encode(entries)) == tuple(entries)


@given(st.binary())
@pytest.mark.conforms("C-205")
def test_bytes_are_entries_or_an_invalid_format(payload: bytes) -> None:
    try:
        entries = tlv.decode(payload)
    except InvalidFormat:
        return
    assert tlv.decode(tlv.encode(entries)) == entries


def test_a_server_instance_is_written_as_devices_take_it() -> None:
    instance = ObjectInstance(
        0,
        (
            Resource(0, b"\x01"),
            Resource(1, (300).to_bytes(4, "big")),
            Resource(6, b"\x00"),
            Resource(7, b"UQ"),
        ),
    )
    encoded = bytes.fromhex("080010 c10001 c4010000012c c10600 c2075551")
    assert tlv.encode([instance]) == encoded
    assert tlv.decode(encoded) == (instance,)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("c0 03", Resource(3, b"")),
        ("c1 0a 07", Resource(10, b"\x07")),
        ("e1 0100 07", Resource(256, b"\x07")),
        ("c8 01 08 0102030405060708", Resource(1, bytes(range(1, 9)))),
        ("d0 01 0001 09", Resource(1, b"\t")),
        ("d8 01 000001 09", Resource(1, b"\t")),
        ("41 02 09", ResourceInstance(2, b"\t")),
        ("83 06 410001", MultipleResource(6, (ResourceInstance(0, b"\x01"),))),
        ("80 06", MultipleResource(6, ())),
        ("00 03", ObjectInstance(3, ())),
    ],
)
@pytest.mark.conforms("C-198", "1.0 TLV")
def test_every_kind_of_header_is_read(text: str, entry: tlv.Entry) -> None:
    assert tlv.decode(bytes.fromhex(text)) == (entry,)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("c1", 1),
        ("e1 01", 1),
        ("c8 01", 2),
        ("d0 01 00", 2),
        ("c2 01 07", 2),
        ("c0 01 c2 01 07", 4),
        ("05 00 c4 01 000000", 4),  # a resource that leaves its instance
        ("02 00 00 01", 2),  # an instance in an instance
        ("82 00 c0 01", 2),  # a resource among resource instances
    ],
)
def test_what_breaks_off_or_nests_wrongly_says_where(text: str, position: int) -> None:
    with pytest.raises(InvalidFormat) as raised:
        tlv.decode(bytes.fromhex(text))
    assert raised.value.position == position


def test_every_captured_tlv_is_read() -> None:
    messages = (codec.decode(each.datagram) for each in chain(*captures().values()))
    payloads = [
        message.payload
        for message in messages
        if message.content_format == tlv.CONTENT_FORMAT
        and message.value(codec.Option.BLOCK1) is None
        and message.value(codec.Option.BLOCK2) is None
        and message.payload
    ]
    assert payloads
    for payload in payloads:
        assert tlv.encode(tlv.decode(payload)) == payload
