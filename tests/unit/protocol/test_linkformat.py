"""Links are read as devices write them, and whatever else arrives is refused."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import codec
from homeport.errors import InvalidFormat
from homeport.protocol import linkformat
from homeport.protocol.linkformat import Link
from tests.support.captures import captures

PRINTABLE = st.characters(exclude_categories=("Cs", "Cc"))
TARGETS = st.text(PRINTABLE, max_size=20).filter(
    lambda text: not set(text) & set("<> \x7f")
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-*.", min_size=1, max_size=8)
VALUES = st.one_of(st.just(True), st.text(PRINTABLE, max_size=20))
LINKS = st.lists(
    st.builds(Link, TARGETS, st.dictionaries(NAMES, VALUES, max_size=4)), max_size=8
)


@given(LINKS)
@pytest.mark.conforms("C-202", "RFC 6690 §2")
def test_what_is_built_parses_to_the_same(links: list[Link]) -> None:
    assert linkformat.parse(linkformat.build(links)) == tuple(links)


@given(st.binary() | st.text('<>/;,="\\ab1 ').map(str.encode))
@pytest.mark.conforms("C-205")
def test_bytes_are_links_or_an_invalid_format(payload: bytes) -> None:
    try:
        links = linkformat.parse(payload)
    except InvalidFormat:
        return
    assert linkformat.parse(linkformat.build(links)) == links


def test_nothing_is_no_links() -> None:
    assert linkformat.parse(b"") == ()


@pytest.mark.parametrize(
    ("payload", "attributes"),
    [
        (b"</3>", {}),
        (b"</3>;ver=1.1", {"ver": "1.1"}),
        (b'</3>;ver="1.1"', {"ver": "1.1"}),
        (b'</3>;ct="60 110 112"', {"ct": "60 110 112"}),
        (b"</3>;obs", {"obs": True}),
        (b'</3>;v="0";aobs="883"', {"v": "0", "aobs": "883"}),
        (b'</3>;rt=""', {"rt": ""}),
        (b'</3>;title="a \\"b\\" <c>, d; \\\\"', {"title": 'a "b" <c>, d; \\'}),
        (b'</3>;rt="first";rt="second"', {"rt": "first"}),
        (b"</3>;uri=coap://[::1]:5683?a=b", {"uri": "coap://[::1]:5683?a=b"}),
        ('</3>;title="Küche"'.encode(), {"title": "Küche"}),
    ],
)
@pytest.mark.conforms("C-202", "RFC 6690 §2")
def test_attributes_are_read_as_devices_write_them(
    payload: bytes, attributes: dict[str, str | bool]
) -> None:
    assert linkformat.parse(payload) == (Link("/3", attributes),)


@pytest.mark.parametrize("payload", [b"</1>,</3>;obs", b"</1>, </3>;obs"])
def test_a_blank_after_a_comma_is_tolerated(payload: bytes) -> None:
    assert linkformat.parse(payload) == (Link("/1", {}), Link("/3", {"obs": True}))


@pytest.mark.parametrize(
    ("payload", "position"),
    [
        (b"hello", 0),
        (b"</3", 0),
        (b"</3>,", 5),
        (b"</3>,,</4>", 5),
        (b"</3></4>", 4),
        (b"</3>;", 4),
        (b"</3>;obs;", 8),
        (b"</3>;ct=", 7),
        (b'</3>;rt="Enr', 7),
        (b'</3>;rt="Enr\\', 7),
        (b'</3>;rt="a"b', 11),
        (b'</3>;rt="a\x00"', 7),
        (b"</3>;\xff", 5),
        (b"</a b>", 0),
    ],
)
def test_a_payload_that_breaks_off_says_where(payload: bytes, position: int) -> None:
    with pytest.raises(InvalidFormat) as raised:
        linkformat.parse(payload)
    assert raised.value.position == position


@pytest.mark.conforms("C-202")
def test_every_captured_list_of_links_is_read() -> None:
    messages = (codec.decode(each.datagram) for each in chain(*captures().values()))
    lists = [
        message.payload
        for message in messages
        if message.content_format == linkformat.CONTENT_FORMAT
        and message.value(codec.Option.BLOCK1) is None
        and message.value(codec.Option.BLOCK2) is None
        and message.payload
    ]
    assert lists
    for payload in lists:
        links = linkformat.parse(payload)
        assert linkformat.parse(linkformat.build(links)) == links


def test_more_links_than_a_device_has_are_refused() -> None:
    links = b",".join([b"</1>"] * linkformat.MOST_LINKS)
    assert len(linkformat.parse(links)) == linkformat.MOST_LINKS
    with pytest.raises(InvalidFormat, match="more than"):
        linkformat.parse(links + b",</1>")


def test_a_payload_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(InvalidFormat, match="more than"):
        linkformat.parse(b"<" * (linkformat.LONGEST + 1))
