"""Three dialects, one form above them: each byte that goes and comes, in lockstep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import codec
from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import Cause, Notification, Reply, Request
from homeport.coap.tcp import dialects, frames
from homeport.coap.tcp.dialects import (
    MOST_OPEN,
    MOST_REQUESTS,
    Dialect,
    Frames,
    Lengths,
    Records,
)
from homeport.coap.tcp.frames import LARGEST_MESSAGE, Frame
from homeport.errors import InvalidMessage
from tests.support.captures import captures
from tests.support.lockstep import PEER, Lockstep

CSM = "00 e1"
OURS = "50 e1 23 019480 20"
IZUMA = sorted(
    {
        said.datagram
        for name, messages in captures().items()
        for said in messages
        if name.startswith("izuma") and said.sender == "device"
        if not codec.decode(said.datagram).payload
    }
)
REGISTER = "d1 02 02 aa b2 7264 11 28 34 65703d61 ff 3c2f333e"


class End:
    """One end of a connection, its message layer, and what it has written."""

    def __init__(self, dialect: type[Dialect]) -> None:
        self.written: list[bytes] = []
        self.delivered: list[bytes] = []
        self.lockstep = Lockstep()
        self.dialect = dialect(write=self.written.append, deliver=self.delivered.append)

    def take(self, received: str | bytes) -> list[object]:
        """Let bytes arrive; return what the layer makes of their messages."""
        if isinstance(received, str):
            received = bytes.fromhex(received)
        self.dialect.receive(received)
        return self.settle()

    def settle(self) -> list[object]:
        """Let the layer and the dialect say all they have to say to each other."""
        outcomes = []
        while self.delivered:
            outcomes.append(self.lockstep.take(self.delivered.pop(0)))
            self.send()
        return [outcome for outcome in outcomes if outcome is not None]

    def request(self, received: str | bytes) -> Request:
        """Let bytes arrive that bring one request."""
        (request,) = self.take(received)
        assert isinstance(request, Request)
        return request

    def answer(self, request: Request, answer: Answer) -> None:
        self.lockstep.layer.respond(request, answer, now=self.lockstep.now)
        self.send()

    def send(self) -> None:
        for datagram in self.lockstep.sent():
            self.dialect.send(datagram)

    def said(self) -> str:
        """Take what was written, as hex."""
        written = b"".join(self.written).hex()
        self.written.clear()
        return written


@pytest.fixture
def end() -> End:
    """An end that speaks frames and has heard the peer's capabilities."""
    made = End(Frames)
    made.take(CSM)
    assert made.said() == bytes.fromhex(OURS).hex()
    return made


def hexed(text: str) -> str:
    return bytes.fromhex(text).hex()


# --- which one it is -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "security", "expected"),
    [
        ("00e1", "none", Frames),
        ("68e1", "none", Frames),
        ("d805", "none", Frames),
        ("0000", "none", Lengths),
        ("00000010", "none", Lengths),
        ("4745", "none", Frames),  # "GE" of HTTP
        ("1603", "none", Frames),  # a TLS hello
        ("00", "none", None),
        ("", "none", None),
        ("00e1", "tls", Frames),
        ("68e1", "tls", Frames),  # were it a datagram, its code would be a signal
        ("4402", "tls", Records),
        ("6844", "tls", Records),
        ("7000", "tls", Records),
        ("0000", "tls", Frames),
        ("44", "tls", None),
    ],
)
def test_the_first_bytes_tell_the_dialect(
    first: str, security: str, expected: type[Dialect] | None
) -> None:
    records = security == "tls"
    assert dialects.choose(bytes.fromhex(first), records=records) is expected


# --- Izuma ---------------------------------------------------------------------------


def test_a_record_is_a_datagram_both_ways() -> None:
    end = End(Records)
    request = end.request("41 02 0007 aa b27264")
    end.answer(request, Answer(Code.CHANGED))
    assert end.said() == hexed("61 44 0007 aa")
    assert not end.dialect.finished


@pytest.mark.conforms("C-214", "TRN-8")
@pytest.mark.parametrize("first", IZUMA)
def test_two_datagrams_in_a_record_end_the_connection(first: bytes) -> None:
    for second in IZUMA:
        end = End(Records)
        try:
            outcomes = end.take(first + second)
        except InvalidMessage:
            continue
        assert outcomes == []


@pytest.mark.parametrize("message", IZUMA)
def test_what_izuma_devices_say_is_one_datagram(message: bytes) -> None:
    end = End(Records)
    end.dialect.receive(message)
    assert end.delivered == [message]


def test_a_datagram_stands_behind_its_length_both_ways() -> None:
    end = End(Lengths)
    request = end.request("00000008 41 02 0007 aa b27264")
    end.answer(request, Answer(Code.CHANGED))
    assert end.said() == hexed("00000005 61 44 0007 aa")


@given(
    st.lists(st.binary(min_size=4, max_size=40), max_size=5),
    st.lists(st.integers(1, 30), min_size=1),
)
def test_lengths_are_read_whatever_pieces_they_come_in(
    messages: list[bytes], pieces: list[int]
) -> None:
    end, sender = End(Lengths), End(Lengths)
    for message in messages:
        sender.dialect.send(message)
    sent, number = b"".join(sender.written), 0
    while sent:
        piece = pieces[number % len(pieces)]
        end.dialect.receive(sent[:piece])
        sent, number = sent[piece:], number + 1
    assert end.delivered == messages


@pytest.mark.parametrize("length", [0, 3, LARGEST_MESSAGE + 1, 0xFFFF_FFFF])
def test_a_length_that_no_message_has_is_refused_before_it_has_arrived(
    length: int,
) -> None:
    with pytest.raises(InvalidMessage, match=f"has {length} bytes"):
        End(Lengths).dialect.receive(length.to_bytes(4, "big"))


@pytest.mark.parametrize("dialect", [Records, Lengths])
def test_an_izuma_device_hears_no_farewell(dialect: type[Dialect]) -> None:
    end = End(dialect)
    end.dialect.release()
    end.dialect.abort(InvalidMessage("is none"))
    assert end.said() == ""


# --- RFC 8323: requests of the peer --------------------------------------------------


def test_a_request_is_answered_in_a_frame_with_its_token(end: End) -> None:
    request = end.request(REGISTER)
    assert request.message.path == ("rd",)
    assert request.message.queries == ("ep=a",)
    assert request.message.payload == b"</3>"
    end.answer(request, Answer(Code.CREATED, ((int(Option.LOCATION_PATH), b"rd"),)))
    assert end.said() == hexed("31 41 aa 82 7264")


def test_frames_are_read_byte_by_byte_and_many_at_once(end: End) -> None:
    outcomes = []
    for byte in bytes.fromhex(REGISTER):
        outcomes += end.take(bytes([byte]))
    outcomes += end.take(bytes.fromhex(REGISTER) * 3)
    assert len(outcomes) == 4


def test_no_message_id_comes_twice_and_then_the_connection_ends(end: End) -> None:
    for number in range(1, MOST_REQUESTS + 1):
        end.dialect.receive(b"\x00\x01")
        message = codec.decode(end.delivered.pop())
        assert (message.type, message.message_id) == (Type.CON, number)
        assert not end.dialect.finished
        end.dialect.send(codec.encode_acknowledgement(Code.CONTENT, number, b""))
    assert end.said().endswith(hexed("00 e4 00 45"))
    assert end.dialect.finished


def test_a_peer_may_not_ask_for_ever_without_being_answered(end: End) -> None:
    end.dialect.receive(b"\x00\x01" * MOST_OPEN)
    with pytest.raises(InvalidMessage, match="too many"):
        end.dialect.receive(b"\x00\x01")


def test_a_request_whose_options_are_none_ends_the_connection(end: End) -> None:
    with pytest.raises(InvalidMessage, match="options that are none"):
        end.take("10 01 f0")


def test_an_answer_that_is_too_large_for_the_peer_is_an_error_of_ours(
    end: End,
) -> None:
    end.take("20 e1 21 20")  # at most 32 bytes
    request = end.request("01 01 aa")
    end.answer(request, Answer(Code.CONTENT, payload=bytes(40)))
    assert end.said() == hexed("01 a0 aa")


def test_a_request_that_wants_no_response_gets_none(end: End) -> None:
    request = end.request("31 02 aa d1 f5 02")  # No-Response (258): not 2.xx
    end.answer(request, Answer(Code.CHANGED))
    assert end.said() == ""
    end.dialect.release()
    assert end.dialect.finished


# --- RFC 8323: requests of ours ------------------------------------------------------


def ask(end: End, payload: bytes = b"") -> bytes:
    """Send a request of ours; return its token."""
    end.lockstep.layer.request(
        "peer", Code.PUT, path=["1"], payload=payload, now=end.lockstep.now
    )
    ((datagram, _),) = end.lockstep.layer.datagrams()
    end.dialect.send(datagram)
    return codec.decode(datagram).token


def test_a_request_of_ours_is_written_once_and_its_response_found(end: End) -> None:
    lockstep = end.lockstep
    lockstep.layer.request(PEER, Code.GET, path=["3"], now=lockstep.now)
    end.send()
    end.settle()
    ((frame, _),) = [frames.parse(bytes.fromhex(end.said()))]
    assert frame.code == Code.GET
    assert lockstep.wait(60) == []
    assert lockstep.sent() == []
    response = frames.build(Frame(Code.CONTENT, frame.token, b"\xffon"))
    (reply,) = end.take(response)
    assert isinstance(reply, Reply)
    assert reply.message.payload == b"on"
    assert end.said() == ""


def test_a_request_of_ours_that_is_never_answered_fails_in_time(end: End) -> None:
    lockstep = end.lockstep
    exchange = lockstep.layer.request(PEER, Code.GET, path=["3"], now=lockstep.now)
    end.send()
    end.settle()
    assert exchange.acknowledged
    assert lockstep.wait(92) == []
    (failure,) = lockstep.wait(2)
    assert (failure.exchange, failure.cause) == (exchange, Cause.UNANSWERED)
    assert lockstep.sent() == []


def test_a_large_payload_of_ours_goes_in_frames_that_any_peer_takes(end: End) -> None:
    lockstep, body = end.lockstep, bytes(2_500)
    lockstep.layer.request(
        PEER, Code.PUT, path=["5", "0", "0"], payload=body, now=lockstep.now
    )
    end.send()
    received = b""
    while len(received) < len(body):
        end.settle()
        ((frame, _),) = [frames.parse(bytes.fromhex(end.said()))]
        received += frame.rest.partition(b"\xff")[2]
        last = len(received) == len(body)
        code = Code.CHANGED if last else Code.CONTINUE
        outcomes = end.take(frames.build(Frame(code, frame.token, b"")))
    assert received == body
    assert isinstance(outcomes[0], Reply)


def test_a_request_that_is_too_large_for_the_peer_fails(end: End) -> None:
    end.take("20 e1 21 20")
    ask(end, bytes(64))
    assert end.said() == ""
    (reset,) = end.delivered
    assert codec.decode(reset).type is Type.RST


def test_what_a_peer_notifies_may_be_rejected_though_frames_cannot_say_so(
    end: End,
) -> None:
    for _ in range(2):
        (notified,) = end.take("21 45 aa 61 02")  # 2.05, Observe 2
        assert isinstance(notified, Notification)
        end.lockstep.layer.reject(notified, now=end.lockstep.now)
        end.send()
    assert end.said() == ""


# --- RFC 8323: signals ---------------------------------------------------------------


def test_nothing_may_come_before_the_capabilities() -> None:
    with pytest.raises(InvalidMessage, match="before the capabilities"):
        End(Frames).take("00 e2")


def test_a_ping_is_answered(end: End) -> None:
    end.take("01 e2 aa")
    assert end.said() == hexed("01 e3 aa")


def test_pongs_and_empty_messages_are_passed_over(end: End) -> None:
    assert end.take("01 e3 aa 00 00") == []
    assert end.said() == ""


def test_after_a_release_open_requests_are_still_answered(end: End) -> None:
    request = end.request("01 01 aa")
    end.take("00 e4")
    assert not end.dialect.finished
    assert end.take("01 01 bb") == []
    end.answer(request, Answer(Code.CONTENT))
    assert end.said() == hexed("01 45 aa")
    assert end.dialect.finished


def test_an_abort_ends_it_at_once(end: End) -> None:
    end.request("01 01 aa")
    end.take("00 e5")
    assert end.dialect.finished


def test_our_release_is_said_once(end: End) -> None:
    end.dialect.release()
    end.dialect.release()
    assert end.said() == hexed("00 e4")
    assert end.dialect.finished


def test_our_abort_says_why(end: End) -> None:
    end.dialect.abort(InvalidMessage("is none"))
    assert end.said() == hexed("80 e5 ff") + b"is none".hex()


@pytest.mark.parametrize("code", ["20", "3f", "c0", "e0", "e6", "ff"])
def test_a_code_that_is_none_ends_the_connection(end: End, code: str) -> None:
    with pytest.raises(InvalidMessage, match="has the code"):
        end.take(f"00 {code}")


@given(st.binary(max_size=200))
def test_arbitrary_frames_are_taken_or_refused(received: bytes) -> None:
    end = End(Frames)
    try:
        end.take(bytes.fromhex(CSM) + received)
    except InvalidMessage as error:
        end.dialect.abort(error)
        assert frames.parse(end.written[-1]) is not None


@given(
    st.builds(
        Message,
        st.just(Type.CON),
        st.integers(1, 4).map(Code),
        st.just(1),
        st.binary(max_size=8),
        st.just(((11, b"rd"), (15, b"x" * 300))),
        st.binary(max_size=2_000),
    )
)
def test_a_message_is_the_same_on_the_other_side(message: Message) -> None:
    device, end = End(Frames), End(Frames)
    for one, other in ((device, end), (end, device)):
        other.dialect.receive(one.written.pop())
    device.dialect.send(codec.encode(message))
    end.dialect.receive(device.written.pop())
    assert codec.decode(end.delivered.pop()) == message
