"""A client's flight is understood in one way, or not at all."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.dtls import messages, records
from homeport.dtls.messages import (
    LARGEST_FLIGHT,
    MOST_GAPS,
    MOST_MESSAGES,
    Flight,
    Message,
    StreamFlight,
)
from homeport.errors import InvalidHandshake
from tests.support import hellos

CERTIFICATE, KEY_EXCHANGE = 11, 16
HELLO = hellos.body()
UP_TO_SUITES = len(HELLO) - len(hellos.IZUMA_EXTENSIONS) - 4


def fragment(
    content: bytes,
    *,
    kind: int = CERTIFICATE,
    sequence: int = 1,
    length: int | None = None,
    start: int = 0,
) -> bytes:
    size = len(content) if length is None else length
    return b"".join(
        (
            bytes([kind]),
            size.to_bytes(3, "big"),
            sequence.to_bytes(2, "big"),
            start.to_bytes(3, "big"),
            len(content).to_bytes(3, "big"),
            content,
        )
    )


def vector(content: bytes, width: int) -> bytes:
    return len(content).to_bytes(width, "big") + content


def chain(*certificates: bytes) -> bytes:
    return vector(b"".join(vector(each, 3) for each in certificates), 3)


def test_the_hello_of_an_izuma_device_is_understood() -> None:
    hello = hellos.parse(hellos.IZUMA_UDP)
    assert hello.random == hellos.RANDOM
    assert hello.session_id == b""
    assert hello.cookie == b""
    assert hello.suites == bytes.fromhex("c0ae 00ff")
    assert hello.message_sequence == 0
    assert hello.record_sequence == 1


def test_the_hello_of_an_izuma_device_over_tls_is_understood() -> None:
    (record,), _ = records.parse_stream(hellos.IZUMA_TCP)
    ((kind, body),) = StreamFlight().add(record.fragment)
    hello = messages.parse_stream_client_hello(body)
    assert kind == 1
    assert hello.random == hellos.RANDOM
    assert hello.suites == bytes.fromhex("c0ae 00ff")


def test_a_repeated_hello_brings_its_cookie_and_its_session() -> None:
    content = hellos.body(cookie=b"c" * 32, session_id=b"s" * 32)
    hello = hellos.parse(hellos.datagram(content, message=1, record=2))
    assert hello.cookie == b"c" * 32
    assert hello.session_id == b"s" * 32
    assert hello.message_sequence == 1
    assert hello.record_sequence == 2


@pytest.mark.parametrize(
    "content",
    [
        hellos.body(version=b"\xfe\xff"),
        hellos.body(version=b"\x03\x03"),
        hellos.body(session_id=bytes(33)),
        hellos.body(suites=b""),
        hellos.body(suites=b"\xc0\xae\x00"),
    ],
)
def test_a_hello_with_one_thing_wrong_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidHandshake):
        hellos.parse(hellos.datagram(content))


@pytest.mark.parametrize("end", range(UP_TO_SUITES))
def test_a_hello_that_breaks_off_is_refused(end: int) -> None:
    with pytest.raises(InvalidHandshake):
        hellos.parse(hellos.datagram(HELLO[:end]))


@pytest.mark.parametrize(
    ("kind", "epoch", "content"),
    [
        (23, 0, fragment(HELLO, kind=1)),
        (22, 1, fragment(HELLO, kind=1)),
        (22, 0, fragment(HELLO, kind=2)),
        (22, 0, fragment(HELLO, kind=1) * 2),
        (22, 0, fragment(HELLO[:50], kind=1, length=len(HELLO))),
        (22, 0, fragment(HELLO, kind=1, length=len(HELLO) - 1)),
        (22, 0, fragment(HELLO, kind=1, start=1)),
        (22, 0, fragment(HELLO, kind=1)[:11]),
    ],
)
def test_a_record_that_is_no_whole_hello_is_refused(
    kind: int, epoch: int, content: bytes
) -> None:
    (record,) = records.parse(records.build(kind, epoch, 1, content), 0)
    with pytest.raises(InvalidHandshake):
        messages.parse_client_hello(record)


@given(st.binary(max_size=150))
@pytest.mark.conforms("C-205", "C-225", "CVE-2024-0962")
def test_any_bytes_are_a_hello_or_refused(content: bytes) -> None:
    for datagram in (hellos.datagram(content), records.build(22, 0, 1, content + b"0")):
        try:
            hellos.parse(datagram)
        except InvalidHandshake:
            continue


@given(st.integers(13, len(hellos.IZUMA_UDP) - 1), st.integers(0, 255))
def test_a_hello_with_a_changed_byte_is_a_hello_or_refused(at: int, value: int) -> None:
    datagram = bytearray(hellos.IZUMA_UDP)
    datagram[at] = value
    try:
        hellos.parse(bytes(datagram))
    except InvalidHandshake:
        return


flights = st.lists(
    st.tuples(
        st.sampled_from([CERTIFICATE, KEY_EXCHANGE, 15]), st.binary(max_size=300)
    ),
    min_size=1,
    max_size=4,
)


@given(flights, st.integers(1, 100), st.data())
def test_a_flight_arrives_once_and_in_order_however_it_was_cut(
    sent: list[tuple[int, bytes]], size: int, data: st.DataObject
) -> None:
    fragments = [
        fragment(
            body[at : at + size],
            kind=kind,
            sequence=3 + number,
            length=len(body),
            start=at,
        )
        for number, (kind, body) in enumerate(sent)
        for at in range(0, max(len(body), 1), size)
    ]
    arriving = data.draw(st.permutations(fragments + fragments[::3]))
    flight = Flight(3)
    assert [each for one in arriving for each in flight.add(one)] == sent
    assert all(not flight.add(one) for one in arriving)


def test_fragments_that_overlap_and_agree_are_put_together() -> None:
    flight = Flight(1)
    assert not flight.add(fragment(b"certi", length=11))
    assert not flight.add(fragment(b"cate", length=11, start=7))
    assert flight.add(fragment(b"tifica", length=11, start=3)) == [
        Message(CERTIFICATE, b"certificate")
    ]


def test_several_fragments_come_in_one_record() -> None:
    both = fragment(b"certificate") + fragment(b"key", kind=KEY_EXCHANGE, sequence=2)
    assert Flight(1).add(both) == [
        Message(CERTIFICATE, b"certificate"),
        Message(KEY_EXCHANGE, b"key"),
    ]


def test_what_was_there_before_the_flight_is_left_out() -> None:
    flight = Flight(1)
    assert not flight.add(fragment(HELLO, kind=1, sequence=0))
    assert flight.add(fragment(bytes(LARGEST_FLIGHT)))


@pytest.mark.parametrize(
    "second",
    [
        fragment(b"bb", length=4, start=1),
        fragment(b"a", length=4, start=3, kind=KEY_EXCHANGE),
        fragment(b"a", length=5, start=3),
        fragment(b"aa", length=4, start=3),
        fragment(b"aa", length=4, start=2)[:-1],
        b"",
    ],
)
def test_a_fragment_that_does_not_fit_is_refused_and_the_others_are_kept(
    second: bytes,
) -> None:
    flight = Flight(1)
    flight.add(fragment(b"aa", length=4))
    with pytest.raises(InvalidHandshake):
        flight.add(second)
    assert flight.add(fragment(b"aa", length=4, start=2)) == [
        Message(CERTIFICATE, b"aaaa")
    ]


def test_a_flight_is_bounded_in_bytes() -> None:
    flight = Flight(1)
    flight.add(fragment(b"a", length=LARGEST_FLIGHT))
    with pytest.raises(InvalidHandshake):
        flight.add(fragment(b"b", sequence=2))


def test_a_flight_is_bounded_in_messages() -> None:
    flight = Flight(1)
    flight.add(fragment(b"", sequence=MOST_MESSAGES))
    with pytest.raises(InvalidHandshake):
        flight.add(fragment(b"", sequence=MOST_MESSAGES + 1))


def test_a_message_is_bounded_in_holes() -> None:
    flight = Flight(1)
    for number in range(MOST_GAPS):
        flight.add(fragment(b"a", length=LARGEST_FLIGHT, start=2 * number))
    with pytest.raises(InvalidHandshake):
        flight.add(fragment(b"a", length=LARGEST_FLIGHT, start=2 * MOST_GAPS))


def test_a_flight_of_nonsense_takes_no_more_memory_than_an_honest_one() -> None:
    flight = Flight(1)
    tracemalloc.start()
    for number in range(5_000):
        try:
            flight.add(
                fragment(
                    b"a" * (number % 7),
                    sequence=number % 12,
                    length=number * 37 % 4_000,
                    start=number * 11 % 3_000,
                )
            )
        except InvalidHandshake:
            continue
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * LARGEST_FLIGHT


@given(st.lists(st.binary(max_size=60), max_size=5))
@pytest.mark.conforms("C-205", "C-225")
def test_any_fragments_are_messages_or_refused(parts: list[bytes]) -> None:
    flight = Flight(0)
    for part in parts:
        try:
            flight.add(part)
        except InvalidHandshake:
            continue


@given(flights, st.lists(st.integers(1, 200), max_size=8))
def test_a_stream_is_cut_into_messages_however_it_was_sent(
    sent: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    stream = b"".join(bytes([kind]) + vector(body, 3) for kind, body in sent)
    flight = StreamFlight()
    whole = []
    for size in [*sizes, len(stream)]:
        whole += flight.add(stream[:size])
        stream = stream[size:]
    assert whole == sent


@pytest.mark.parametrize("part", [b"\x0b\x00\x40\x00", bytes(LARGEST_FLIGHT + 1)])
def test_a_stream_with_a_flight_too_long_is_refused(part: bytes) -> None:
    with pytest.raises(InvalidHandshake):
        StreamFlight().add(part)


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=10))
def test_a_chain_is_its_certificates(certificates: list[bytes]) -> None:
    assert messages.parse_certificate(chain(*certificates)) == tuple(certificates)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        chain(),
        chain(b""),
        chain(b"leaf", b""),
        chain(*[b"certificate"] * 11),
        chain(b"leaf")[:-1],
        chain(b"leaf") + b"\0",
        vector(b"\0\0\5leaf", 3),
    ],
)
def test_what_is_no_chain_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidHandshake):
        messages.parse_certificate(body)


@pytest.mark.parametrize("identity", [b"a", b"kitchen", "Küche".encode(), b"i" * 128])
def test_a_psk_identity_is_text(identity: bytes) -> None:
    assert messages.parse_psk_identity(vector(identity, 2)) == identity


@pytest.mark.parametrize(
    "body",
    [
        b"",
        vector(b"", 2),
        vector(b"i" * 129, 2),
        vector(b"kitchen\0", 2),
        vector(b"kit\0chen", 2),
        vector(b"\xff", 2),
        vector(b"kitchen", 2)[:-1],
        vector(b"kitchen", 2) + b"\0",
    ],
)
def test_what_is_no_psk_identity_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidHandshake):
        messages.parse_psk_identity(body)


@given(st.binary(max_size=140))
@pytest.mark.conforms("C-205")
def test_any_body_is_understood_or_refused(body: bytes) -> None:
    for parse in (
        messages.parse_certificate,
        messages.parse_psk_identity,
        messages.parse_stream_client_hello,
    ):
        try:
            parse(body)
        except InvalidHandshake:
            continue
