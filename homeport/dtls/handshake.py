"""The server's side of a DTLS handshake, for PSK and certificates on one port.

What the client presents stands in clear in its flight. It is read there, and the flight
is held back from OpenSSL until the trust view has said who that would be: OpenSSL's own
questions can not wait.
"""

from collections.abc import Sequence
from functools import partial

from homeport.dtls import presented, records, suites
from homeport.dtls.context import ServerContext
from homeport.dtls.course import Course, Established, Failed
from homeport.dtls.credentials import Admission, Credential, Refusal
from homeport.dtls.flights import Flights
from homeport.dtls.messages import ClientHello, Flight
from homeport.dtls.negotiation import CidNegotiation
from homeport.dtls.openssl.connection import Connection
from homeport.dtls.openssl.questions import Answers
from homeport.dtls.presented import CERTIFICATE_UNKNOWN
from homeport.dtls.records import AlertLevel, ContentType, Record
from homeport.errors import InvalidHandshake

__all__ = ["Established", "Failed", "ServerHandshake"]

MOST_HELD_BYTES = 24 * 2**10
"""Of a client's flight, while the trust view is asked; more is as good as lost."""

FIRST_MESSAGE = 1
"""The number of the hello that brings a cookie; the one before it came without."""

_ALERT, _HANDSHAKE = ContentType.ALERT.value, ContentType.HANDSHAKE.value


class ServerHandshake(Course):
    """A handshake that begins with a ClientHello whose cookie is good.

    The datagram of that hello is the first to `receive`. ``cid`` is the connection id
    that a client may put on its records, if it offers any. ``session`` is what the
    caller found for the hello's session id, of a peer that is still trusted.

    As soon as ``credential`` is there, the caller owes it an `admit`; there is none in
    a handshake that resumes the session.
    """

    def __init__(
        self,
        context: ServerContext,
        hello: ClientHello,
        *,
        cid: bytes = b"",
        session: bytes = b"",
    ) -> None:
        cids = CidNegotiation(cid or None)
        self._answers = Answers(session=session, extended=cids.take)
        connection = Connection(context.openssl, self._answers, mtu=context.mtu)
        self._answers.extension = partial(_extension, connection, cids)
        self._answers.asked_for = partial(context.show, connection)
        super().__init__(
            connection,
            cids,
            Flights(mtu=context.mtu),
            server=True,
        )
        self.credential: Credential | None = None
        self._admission: Admission | Refusal | None = None
        self._resumption = context.resumption
        self._flight = Flight(FIRST_MESSAGE + 1)
        self._held: list[Record] = []
        self._room = MOST_HELD_BYTES
        self._dropped = ""
        self._hello: ClientHello | None = hello
        self._proving = False  # until there is nothing more to look up

    def receive(self, received: Sequence[Record], now: float) -> None:
        """Take the records of a datagram of the client's."""
        if self.result is not None:
            return
        if self._hello is not None:
            hello, self._hello = self._hello, None
            self._begin(hello, received[0], now)
        elif self._proving:
            for record in received:
                self._take(record, now)
        else:
            self._hold(received, now)

    def admit(self, decision: Admission | Refusal, now: float) -> None:
        """Say who the client would be, and let it prove it."""
        if self.result is not None or self.credential is None:
            return
        self._admission, self._proving = decision, True
        provable = presented.admit(
            self.credential,
            decision,
            connection=self._connection,
            answers=self._answers,
        )
        if not provable:
            alert = records.alert(AlertLevel.FATAL, CERTIFICATE_UNKNOWN)
            self._fail(self._standstill(), self._flights.alert(alert))
        held, self._held = self._held, []
        self._take_all(held, now)

    def deadline(self) -> float | None:
        """Return when `tick` has something to do; never while we are asked."""
        if self.credential is not None and self._admission is None:
            return None
        return super().deadline()

    def _begin(self, hello: ClientHello, record: Record, now: float) -> None:
        if hello.message_sequence != FIRST_MESSAGE:
            self._fail("the hello with the cookie is not the second one")
        elif not self._connection.listen(record.raw):
            self._fail("the hello is not understood")
        else:
            self._advance(now)
            if self._answers.session and self.result is None:
                self._proving = self._connection.resumed

    def _hold(self, received: Sequence[Record], now: float) -> None:
        """Keep what there is room for, until the credential has been judged."""
        for record in received:
            if self.result is not None:
                return
            if record.kind == _ALERT:
                self._take(record, now)
            elif len(record.raw) <= self._room and self._is_useful(record):
                self._room -= len(record.raw)
                self._held.append(record)

    def _is_useful(self, record: Record) -> bool:
        """Look for the credential, if it is not there yet."""
        if self.credential is None and record.epoch == 0:
            try:
                self._look(record)
            except InvalidHandshake as error:
                self._dropped = error.reason
                return False
        return True

    def _look(self, record: Record) -> None:
        """Look for the credential; raise InvalidHandshake for a record to drop."""
        if record.kind != _HANDSHAKE:
            return
        for message in self._flight.add(record.fragment)[:1]:
            try:
                self.credential = presented.read(message, self._connection)
            except InvalidHandshake as error:
                self._fail(error.reason)

    def _may_alert(self) -> bool:
        return self._admission is not None and self._admission.alerts

    def _doubt(self) -> str:
        return presented.doubt(self.credential, self._connection)

    def _keeps_session(self) -> bool:
        return self._resumption

    def _standstill(self) -> str:
        match self._admission:
            case Refusal(reason=reason):
                return reason
            case None if self.credential is not None:
                return "nobody said who the peer is"
            case None if self._dropped:
                return self._dropped
        return super()._standstill()


def _extension(
    connection: Connection, cids: CidNegotiation, number: int
) -> bytes | None:
    """Answer one offer of a connection id, if the records will be ours."""
    suite = suites.by_number(connection.suite)
    if suite is None or suite.aead is None or number != cids.form:
        return None
    return cids.content(number)
