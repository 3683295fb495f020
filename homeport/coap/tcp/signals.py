"""Signals: what the two ends of a connection tell each other (RFC 8323 §5)."""

from enum import IntEnum

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Options, Type
from homeport.coap.tcp.frames import Frame
from homeport.errors import InvalidMessage

SMALLEST_MAXIMUM = 1_152
"""What a peer takes that announces nothing (RFC 8323 §5.3.1)."""

_MAX_MESSAGE_SIZE = 2
_BLOCK_WISE_TRANSFER = 4
_BAD_CSM_OPTION = 2
_HEADER = b"\x40\xe1\x00\x00"
_LONGEST_NUMBER = 4


class Signal(IntEnum):
    """The codes of signals: 7.01 to 7.05."""

    CSM = 0xE1
    PING = 0xE2
    PONG = 0xE3
    RELEASE = 0xE4
    ABORT = 0xE5


class BadOption(InvalidMessage):
    """A capabilities message has a critical option that we do not know."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"has the unknown critical option {number}")


def parse_csm(frame: Frame) -> int | None:
    """Return the largest message that a peer announces; None when it leaves it as is.

    Raises InvalidMessage; BadOption where an option is the reason.
    """
    size = None
    for number, value in _options(frame):
        if number == _MAX_MESSAGE_SIZE and len(value) <= _LONGEST_NUMBER:
            size = int.from_bytes(value, "big")
        elif number & 1:
            raise BadOption(number)
    return size


def check(frame: Frame) -> None:
    """Raise InvalidMessage unless a signal has options that may be passed over."""
    for number, _ in _options(frame):
        if number & 1:
            raise BadOption(number)


def build_csm(largest: int) -> Frame:
    """Build our capabilities: a largest message, and block-wise transfer."""
    return _build(
        Signal.CSM,
        ((_MAX_MESSAGE_SIZE, _number(largest)), (_BLOCK_WISE_TRANSFER, b"")),
    )


def build_pong(ping: Frame) -> Frame:
    """Build the answer to a ping."""
    return Frame(Signal.PONG, ping.token, b"")


def build_release() -> Frame:
    """Build the wish for an orderly end."""
    return Frame(Signal.RELEASE, b"", b"")


def build_abort(error: InvalidMessage) -> Frame:
    """Build the notice that a connection cannot go on, and why."""
    options: Options = ()
    if isinstance(error, BadOption):
        options = ((_BAD_CSM_OPTION, _number(error.number)),)
    return _build(Signal.ABORT, options, str(error).encode())


def _options(frame: Frame) -> Options:
    return codec.decode(_HEADER + frame.rest).options


def _build(code: Signal, options: Options, payload: bytes = b"") -> Frame:
    datagram = codec.encode(Message(Type.CON, Code(code), 0, b"", options, payload))
    return Frame(code, b"", datagram[len(_HEADER) :])


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
