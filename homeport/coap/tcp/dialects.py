"""How messages stand in what a connection carries; above, all have a datagram's form.

Izuma devices send datagrams: over TLS one in a record, over plain TCP each behind its
length (TRN-6, TRN-7). Everybody else sends frames (RFC 8323). Both reach one port, and
the first bytes tell which they are: a device of the second kind begins with its
capabilities, whose code 7.01 is none of a datagram (B-225).
"""

from collections.abc import Callable
from typing import Protocol

from homeport.coap import checks, codec
from homeport.coap.codec import Code, Type
from homeport.coap.tcp import frames, signals
from homeport.coap.tcp.frames import LARGEST_MESSAGE, Frame
from homeport.coap.tcp.signals import SMALLEST_MAXIMUM, Signal
from homeport.errors import InvalidMessage

TELLING = 2
"""As many first bytes tell a dialect."""
MOST_REQUESTS = 65_535
"""Requests of one connection; each has a message id that no other one has."""
MOST_OPEN = 256
"""Requests of one connection that wait for their answers."""

_RESPONSE_ID = 0
"""The message id of every response; requests have others. Nothing comes twice here, so
nobody has to know one response from the next by it."""
_LENGTH = 4
_LAST_REQUEST, _FIRST_RESPONSE, _LAST_RESPONSE = 31, 64, 191
_DATAGRAM = 0b01
"""The version of a datagram, its first two bits."""

Take = Callable[[bytes], None]


class Dialect(Protocol):
    """One end of a connection; made with ``write`` for what is to go to the peer.

    ``deliver`` takes what the peer says, in a datagram's form. What is written in one
    call belongs into one TLS record.
    """

    def __init__(self, *, write: Take, deliver: Take) -> None:
        """Begin."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be said."""

    def receive(self, received: bytes) -> None:
        """Take what has arrived; raise InvalidMessage where nothing can go on."""

    def send(self, message: bytes) -> None:
        """Send a message in a datagram's form."""

    def release(self) -> None:
        """Ask for an orderly end."""

    def abort(self, error: InvalidMessage) -> None:
        """Say why the connection ends now."""


def choose(first: bytes, *, records: bool) -> type[Dialect] | None:
    """Tell the dialect from the first bytes, of a TLS record where there are records.

    None while there are too few. Whoever speaks neither is taken for one who speaks
    frames, and is answered as such.
    """
    if len(first) < TELLING:
        return None
    if records:
        datagram = first[0] >> 6 == _DATAGRAM and first[1] != Signal.CSM
        return Records if datagram else Frames
    return Lengths if first[:TELLING] == bytes(TELLING) else Frames


class Records:
    """Datagrams, one in a TLS record (TRN-6 .. TRN-10).

    Where a record holds more, nothing of it is done: its peer would rely on what it did
    not say, so the connection ends, and it says both again.
    """

    finished = False

    def __init__(self, *, write: Take, deliver: Take) -> None:
        self._write = write
        self._deliver = deliver

    def receive(self, received: bytes) -> None:
        """Take a record; raise InvalidMessage where it holds more than a datagram."""
        try:
            message = codec.decode(received)
        except InvalidMessage:
            pass  # whoever reads it answers what is wrong with it
        else:
            if checks.holds_another(message):
                raise InvalidMessage("is followed by another one")
        self._deliver(received)

    def send(self, message: bytes) -> None:
        """Send a datagram."""
        self._write(message)

    def release(self) -> None:
        """Say nothing: there are no words for it."""

    def abort(self, error: InvalidMessage) -> None:
        """Say nothing: there are no words for it."""


class Lengths(Records):
    """Datagrams, each behind four bytes of its length, big-endian (TRN-7)."""

    def __init__(self, *, write: Take, deliver: Take) -> None:
        super().__init__(write=write, deliver=deliver)
        self._received = bytearray()

    def receive(self, received: bytes) -> None:
        """Take bytes; raise InvalidMessage on a length that no message has."""
        self._received += received
        at = 0
        while len(self._received) >= (start := at + _LENGTH):
            length = int.from_bytes(self._received[at:start], "big")
            if not codec.HEADER_LENGTH <= length <= LARGEST_MESSAGE:
                raise InvalidMessage(f"has {length} bytes")
            if len(self._received) < start + length:
                break
            at = start + length
            self._deliver(bytes(self._received[start:at]))
        del self._received[:at]

    def send(self, message: bytes) -> None:
        """Send a datagram."""
        self._write(len(message).to_bytes(_LENGTH, "big") + message)


class Frames:
    """Frames and signals (RFC 8323), translated to datagrams and back.

    A request of the peer becomes a confirmable one with an id of ours; what the message
    layer acknowledges becomes the response. A request of ours counts as acknowledged
    once it is written, so that it is never repeated; its response arrives later, as a
    message that needs no acknowledgement.
    """

    def __init__(self, *, write: Take, deliver: Take) -> None:
        self._write = write
        self._deliver = deliver
        self._received = bytearray()
        self._largest = 0
        self._requests = 0
        self._open: set[int] = set()
        self._ending = False
        self._write(frames.build(signals.build_csm(LARGEST_MESSAGE)))

    @property
    def finished(self) -> bool:
        """Whether one end has asked for the end, and every request is answered."""
        return self._ending and not self._open

    def receive(self, received: bytes) -> None:
        """Take bytes; raise InvalidMessage where the connection cannot go on."""
        if self._ending:
            return
        self._received += received
        at = 0
        while not self._ending and (found := frames.parse(self._received, at)):
            frame, at = found
            self._take(frame)
        del self._received[:at]

    def send(self, message: bytes) -> None:
        """Send a message; one that is too large for the peer is not its problem.

        Raises InvalidMessage where the layer could not read a request.
        """
        kind, code = Type(message[0] >> 4 & 3), message[1]
        message_id = int.from_bytes(message[2:4], "big")
        if kind is Type.RST and message_id == _RESPONSE_ID:
            return  # frames have no word for that a notification is not wanted
        if kind is Type.RST:
            raise InvalidMessage("has options that are none")
        if kind is Type.ACK:
            self._open.discard(message_id)
        if code == Code.EMPTY:
            return
        fits = self._send(_frame(message))
        if kind is Type.CON and code <= _LAST_REQUEST:
            outcome = Type.ACK if fits else Type.RST
            self._deliver(codec.encode_empty(outcome, message_id))
        elif not fits:
            token = _frame(message).token
            self._send(Frame(Code.INTERNAL_SERVER_ERROR, token, b""))

    def release(self) -> None:
        """Ask for an orderly end; open requests are still answered (§5.5)."""
        if not self._ending:
            self._ending = True
            self._write(frames.build(signals.build_release()))

    def abort(self, error: InvalidMessage) -> None:
        """Say why the connection ends now (§5.6)."""
        self._write(frames.build(signals.build_abort(error)))

    def _send(self, frame: Frame) -> bool:
        built = frames.build(frame)
        if len(built) > self._largest:
            return False
        self._write(built)
        return True

    def _take(self, frame: Frame) -> None:
        if not self._largest and frame.code != Signal.CSM:
            raise InvalidMessage("comes before the capabilities")
        match frame.code:
            case Code.EMPTY:
                return
            case code if code <= _LAST_REQUEST:
                self._take_request(frame)
            case code if _FIRST_RESPONSE <= code <= _LAST_RESPONSE:
                self._deliver(_datagram(frame, Type.NON, _RESPONSE_ID))
            case Signal.CSM:
                announced = signals.parse_csm(frame)
                self._largest = announced or self._largest or SMALLEST_MAXIMUM
            case Signal.PING:
                signals.check(frame)
                self._write(frames.build(signals.build_pong(frame)))
            case Signal.PONG:
                signals.check(frame)
            case Signal.RELEASE:
                self._ending = True
            case Signal.ABORT:
                self._ending = True
                self._open.clear()
            case code:
                raise InvalidMessage(f"has the code {codec.code_text(code)}")

    def _take_request(self, frame: Frame) -> None:
        if len(self._open) == MOST_OPEN:
            raise InvalidMessage("comes before too many others are answered")
        self._requests += 1
        self._open.add(self._requests)
        self._deliver(_datagram(frame, Type.CON, self._requests))
        if self._requests == MOST_REQUESTS:
            self.release()


def _frame(message: bytes) -> Frame:
    rest = codec.HEADER_LENGTH + (message[0] & 0x0F)
    return Frame(message[1], message[codec.HEADER_LENGTH : rest], message[rest:])


def _datagram(frame: Frame, kind: Type, message_id: int) -> bytes:
    first = _DATAGRAM << 6 | kind << 4 | len(frame.token)
    header = bytes((first, frame.code)) + message_id.to_bytes(2, "big")
    return header + frame.token + frame.rest
