"""The server's side of TLS 1.2 over a stream: bytes in, messages and bytes out.

OpenSSL protects the records here, but gets them one by one: some devices put one
message into each record and rely on finding it so (TRN-6 .. TRN-10).
"""

from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from homeport.dtls import messages, presented, records, suites
from homeport.dtls.context import ServerContext
from homeport.dtls.course import Failed
from homeport.dtls.credentials import Admission, Credential, Refusal
from homeport.dtls.messages import StreamFlight
from homeport.dtls.openssl.connection import Connection, Progress
from homeport.dtls.openssl.questions import Answers
from homeport.dtls.presented import CERTIFICATE_UNKNOWN
from homeport.dtls.records import AlertLevel, ContentType, Record
from homeport.errors import InvalidHandshake

MOST_HELD_BYTES = 24 * 2**10
"""Of a client that goes on sending while the trust view is asked."""

_FATAL_CERTIFICATE_UNKNOWN = b"\x15\x03\x03\x00\x02" + records.alert(
    AlertLevel.FATAL, CERTIFICATE_UNKNOWN
)


class Phase(Enum):
    """How far a session has come; in two phases it waits for an answer of the caller.

    HELLO → SESSION → FLIGHT → ADMISSION → PROOF → OPEN → CLOSED; without a session id
    that is looked up SESSION is left out, when one is resumed FLIGHT and ADMISSION are.
    """

    HELLO = "the hello has not arrived"
    SESSION = "nobody said whether the session may be resumed"
    FLIGHT = "the peer has not shown who it is"
    ADMISSION = "nobody said who the peer is"
    PROOF = "the peer has not proved who it is"
    OPEN = "messages go both ways"
    CLOSED = "nothing follows"


_WAITING = frozenset({Phase.SESSION, Phase.ADMISSION})


@dataclass(frozen=True, slots=True)
class Secured:
    """A handshake that is done; ``session`` is as in `Established`."""

    suite: str
    resumed: bool
    session: tuple[bytes, bytes] | None = field(default=None, repr=False)


class TlsSession:
    """One connection of a client; it has to be closed.

    In `Phase.SESSION` the caller owes it `resume`, with what it found for
    ``session_id``; in `Phase.ADMISSION` it owes `admit`, for ``credential``. ``result``
    is None while the handshake runs.
    """

    def __init__(self, context: ServerContext) -> None:
        self.phase = Phase.HELLO
        self.session_id = b""
        self.credential: Credential | None = None
        self.result: Secured | Failed | None = None
        self._resumption = context.resumption
        self._answers = Answers()
        self._connection = Connection(context.openssl, self._answers)
        self._answers.asked_for = partial(context.show, self._connection)
        self._admission: Admission | Refusal | None = None
        self._flight = StreamFlight()
        self._rest = b""
        self._records: list[Record] = []
        self._held: list[Record] = []
        self._messages: list[bytes] = []
        self._outgoing = b""

    @property
    def closed(self) -> bool:
        """Whether nothing follows, in either direction."""
        return self.phase is Phase.CLOSED

    @property
    def waiting(self) -> bool:
        """Whether the caller owes it an answer."""
        return self.phase in _WAITING

    def receive(self, received: bytes) -> None:
        """Take what the stream brought."""
        if self.closed:
            return
        try:
            some, self._rest = records.parse_stream(self._rest + received)
        except InvalidHandshake as error:
            self._fail(error.reason)
            return
        self._records += some
        self._go_on()
        if sum(len(record.raw) for record in self._records) > MOST_HELD_BYTES:
            self._fail("more was sent than is kept")

    def resume(self, session: bytes) -> None:
        """Go on with a session, of a peer that is still trusted; or without: b""."""
        if self.phase is Phase.SESSION:
            self._answers.session = session
            self._greet()
            self._go_on()

    def admit(self, decision: Admission | Refusal) -> None:
        """Say who the client would be, and let it prove it."""
        if self.phase is not Phase.ADMISSION or self.credential is None:
            return
        self._admission = decision
        provable = presented.admit(
            self.credential,
            decision,
            connection=self._connection,
            answers=self._answers,
        )
        if not provable:
            reason = decision.reason if isinstance(decision, Refusal) else ""
            self._fail(reason, _FATAL_CERTIFICATE_UNKNOWN)
            return
        self.phase = Phase.PROOF
        self._feed_held()
        self._go_on()

    def messages(self) -> list[bytes]:
        """Take what has arrived, one entry for each record."""
        arrived, self._messages = self._messages, []
        return arrived

    def write(self, message: bytes) -> None:
        """Send a message of up to 16 KiB as one record."""
        if self.phase is Phase.OPEN:
            self._connection.write(message)
            self._outgoing += self._connection.output()

    def outgoing(self) -> bytes:
        """Take what the stream is to carry."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def give_up(self) -> Failed:
        """End a handshake whose time is over; say what it has waited for."""
        refusal = self._admission
        reason = refusal.reason if isinstance(refusal, Refusal) else self.phase.value
        failed = Failed(reason)
        self.result = failed
        self.close()
        return failed

    def close(self) -> None:
        """Say that nothing follows, and free what OpenSSL holds."""
        if self.closed:
            return
        if self.phase is Phase.OPEN:
            self._connection.shut_down()
            self._outgoing += self._connection.output()
        self.phase = Phase.CLOSED
        self._records, self._held, self._rest = [], [], b""
        self._connection.close()

    def _go_on(self) -> None:
        """Take the records that have arrived, as long as nobody has to answer first."""
        while self._records and not self.closed and not self.waiting:
            self._take(self._records.pop(0))

    def _take(self, record: Record) -> None:
        match self.phase:
            case Phase.OPEN:
                self._read(record)
            case Phase.HELLO | Phase.FLIGHT if record.kind == ContentType.HANDSHAKE:
                self._hold(record)
            case _:
                self._feed(record)

    def _hold(self, record: Record) -> None:
        """Keep a record of the hello, or of the flight that shows the credential."""
        self._held.append(record)
        try:
            for message in self._flight.add(record.fragment)[:1]:
                if self.phase is Phase.HELLO:
                    hello = messages.parse_stream_client_hello(message.body)
                    self._greeted(hello.session_id)
                else:
                    self.credential = presented.read(message, self._connection)
                    self.phase = Phase.ADMISSION
        except InvalidHandshake as error:
            self._fail(error.reason)

    def _greeted(self, session_id: bytes) -> None:
        if session_id and self._resumption:
            self.session_id = session_id
            self.phase = Phase.SESSION
        else:
            self._greet()

    def _greet(self) -> None:
        """Answer the hello."""
        self.phase = Phase.FLIGHT
        self._feed_held()
        if self.phase is Phase.FLIGHT and self._connection.resumed:
            self.phase = Phase.PROOF

    def _feed_held(self) -> None:
        held, self._held = self._held, []
        for record in held:
            if not self.closed:
                self._feed(record)

    def _feed(self, record: Record) -> None:
        self._connection.feed(record.raw)
        progress = self._connection.advance()
        output = self._connection.output()
        match progress:
            case Progress.FAILED:
                self._fail(self._connection.reason, output)
            case Progress.DONE:
                self._secured(output)
            case Progress.WAITING:
                self._outgoing += output

    def _secured(self, output: bytes) -> None:
        doubt = presented.doubt(self.credential, self._connection)
        if doubt:
            self._fail(doubt)
            return
        resumed = self._connection.resumed
        keeps = self._resumption and not resumed
        session = self._connection.session() if keeps else None
        suite = suites.by_number(self._connection.suite)
        self.result = Secured(suite.name if suite else "", resumed, session)
        self.phase = Phase.OPEN
        self._outgoing += output

    def _read(self, record: Record) -> None:
        self._connection.feed(record.raw)
        message = self._connection.read()
        self._outgoing += self._connection.output()
        if message:
            self._messages.append(message)
        elif self._connection.ended:
            self.close()

    def _fail(self, reason: str, alert: bytes = b"") -> None:
        if self.closed:
            return
        if self.result is None:
            self.result = Failed(reason)
        if self._admission is not None and self._admission.alerts:
            self._outgoing += alert
        self.close()
