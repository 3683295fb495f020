"""The course of a DTLS handshake, which is the same on both sides.

Records and a clock in; datagrams, the next deadline and, once, a result out. OpenSSL
sees the records and makes the flights; what is protected goes through a `Translation`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from homeport.dtls import suites
from homeport.dtls.association import Association
from homeport.dtls.flights import Flights
from homeport.dtls.negotiation import CidNegotiation
from homeport.dtls.openssl.connection import Connection, Progress
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import ContentType, Record
from homeport.dtls.translation import AeadTranslation, Translation, Untranslated

LARGEST_READ = 2**14
"""What OpenSSL takes for one datagram."""
MOST_EARLY = 8
"""Protected records that are kept while the keys are not yet known."""


@dataclass(frozen=True, slots=True)
class Established:
    """A handshake that is done; the association is the caller's now.

    ``last_flight`` is to be sent, and sent again whenever the peer repeats its own, in
    clear or through the association: it has not heard it then. ``early`` are records
    of the association that came ahead of the handshake's end. ``session`` is the id of
    a new session and what it takes to resume it.
    """

    association: Association | OpenSslAssociation
    resumed: bool
    last_flight: tuple[bytes, ...] = ()
    early: tuple[Record, ...] = ()
    session: tuple[bytes, bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """A handshake that came to nothing."""

    reason: str


class Course(ABC):
    """One side of a handshake; ``result`` is None while it runs.

    Whoever begins one closes it, unless it has come to a result by itself.
    """

    def __init__(
        self,
        connection: Connection,
        cids: CidNegotiation,
        flights: Flights,
        *,
        server: bool,
    ) -> None:
        self.result: Established | Failed | None = None
        self._server = server
        self._connection = connection
        self._cids = cids
        self._flights = flights
        self._translation: Translation | None = None
        self._waiting: list[Record] = []
        self._early: list[Record] = []
        self._received = 0
        self._unproven = False

    def datagrams(self) -> list[bytes]:
        """Take what is to be sent now; that may be the alert of a failure."""
        return self._flights.datagrams()

    def deadline(self) -> float | None:
        """Return when `tick` has something to do, if ever."""
        return None if self.result else self._flights.deadline

    def tick(self, now: float) -> None:
        """Repeat the flight under way if the peer has been silent for too long."""
        if self.result is None:
            self._flights.tick(self._outward, now=now)

    def give_up(self) -> Failed:
        """End a handshake whose time is over; say why it has not ended by itself."""
        self.close()
        self.result = Failed(self._standstill())
        return self.result

    def close(self) -> None:
        """Free what OpenSSL holds, unless an association goes on with it."""
        if not isinstance(self.result, Established):
            self._connection.close()

    @abstractmethod
    def _may_alert(self) -> bool:
        """Say whether the peer may know why it fails."""

    @abstractmethod
    def _doubt(self) -> str:
        """Return why a handshake that is done does not count, if so."""

    @abstractmethod
    def _keeps_session(self) -> bool:
        """Say whether a new session may be resumed later."""

    def _standstill(self) -> str:
        """Return why a handshake has not ended by itself."""
        return "the keys differ" if self._unproven else "the peer fell silent"

    def _take(self, record: Record, now: float) -> None:
        """Pass a record on to OpenSSL, and those that it makes readable."""
        if self.result is not None:
            return
        if record.epoch == 0:
            self._feed(record.raw, now)
        elif len(self._waiting) < MOST_EARLY:
            self._waiting.append(record)
        while self._waiting and self.result is None:
            translation = self._translated()
            if translation is None:
                return
            self._take_protected(translation, self._waiting.pop(0), now)

    def _take_all(self, flight: Sequence[Record], now: float) -> None:
        """Pass the records of a flight on, those in clear at once if they fit.

        A Finished that OpenSSL reads as it is goes with them, unopened; if there are
        more records like it, some are forged.
        """
        clear, protected = [], []
        for record in flight:
            if record.epoch:
                protected.append(record)
            else:
                clear.append(record.raw)
        if len(protected) == 1 and self._stays(protected[0]):
            self._received, self._unproven = protected[0].sequence, True
            clear.append(protected.pop().raw)
        whole = b"".join(clear)
        for raw in clear if len(whole) > LARGEST_READ else [whole]:
            if self.result is None:
                self._feed(raw, now)
        for record in protected:
            self._take(record, now)

    def _stays(self, record: Record) -> bool:
        return record.kind == ContentType.HANDSHAKE and not self._cids.cid

    def _take_protected(
        self, translation: Translation, record: Record, now: float
    ) -> None:
        opened = translation.inward(record)
        self._unproven = opened is None or isinstance(translation, Untranslated)
        if opened is None:
            return
        kind, translated = opened
        if kind != ContentType.APPLICATION:
            self._received = record.sequence
            self._feed(translated, now)
        elif len(self._early) < MOST_EARLY:
            self._early.append(record)

    def _feed(self, record: bytes, now: float) -> None:
        self._connection.feed(record)
        self._advance(now)

    def _advance(self, now: float) -> None:
        progress = self._connection.advance()
        output = self._connection.output()
        match progress:
            case Progress.WAITING:
                if output:
                    self._flights.send(output, self._outward, now=now)
            case Progress.DONE:
                self._establish(output)
            case Progress.FAILED:
                self._fail(self._connection.reason, output)

    def _fail(self, reason: str, alert: bytes = b"") -> None:
        self._flights.end(alert if self._may_alert() else b"", self._outward)
        self.result = Failed(reason)
        self._connection.close()

    def _establish(self, output: bytes) -> None:
        translation = self._translated()
        doubt = self._doubt()
        if doubt or translation is None:
            self._fail(doubt)
            return
        connection, resumed = self._connection, self._connection.resumed
        last_flight = self._flights.last(output, self._outward)
        association: Association | OpenSslAssociation
        session = None
        if isinstance(translation, AeadTranslation):
            association = translation.association(
                received=self._received, sealed=self._flights.protected
            )
            if self._keeps_session() and not resumed:
                session = connection.session()
            connection.close()
        else:
            association = OpenSslAssociation(translation.suite, connection)
        early = (*self._early, *self._waiting)
        self.result = Established(association, resumed, last_flight, early, session)

    def _translated(self) -> Translation | None:
        """Return the translation, as soon as suite and keys are known."""
        if self._translation is None:
            self._translation = self._translate()
        return self._translation

    def _translate(self) -> Translation | None:
        suite = suites.by_number(self._connection.suite)
        if suite is None:
            return None
        if suite.aead is None:
            return Untranslated(suite)
        secrets = self._connection.secrets()
        if secrets is None:
            return None
        return AeadTranslation(suite, secrets, self._cids, server=self._server)

    def _outward(self, raw: bytes, number: int) -> bytes:
        translation = self._translated()
        if translation is None:
            raise AssertionError("OpenSSL protects a record before it has keys")
        return translation.outward(raw, number)
