"""A device's secured way to one server: a handshake, and the association it leads to.

Datagrams and a clock in; datagrams and events out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from homeport.dtls import records
from homeport.dtls.association import Association, CidForm
from homeport.dtls.client import ClientHandshake, Offer
from homeport.dtls.context import ClientContext
from homeport.dtls.course import Established, Failed
from homeport.dtls.records import AlertLevel, ContentType, Record
from homeport.dtls.suites import SUITES
from homeport.errors import InvalidConfiguration
from homeport.simulator.accounts import Account

HANDSHAKE_SECONDS = 60.0

_SUITES = tuple(suite for suite in SUITES if suite.aead is not None)
"""Those whose associations take a kilobyte instead of OpenSSL's forty."""
_CID = b""
"""Devices are told by their sockets: records to them need no connection id."""
_CLOSE_NOTIFY = 0
_SERVER_HELLO = b"\x02"


@dataclass(frozen=True, slots=True)
class Opened:
    """The handshake is done, so many seconds after its first ClientHello.

    ``session`` is what a later one can resume, if anything.
    """

    resumed: bool
    seconds: float
    session: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message has come from the server."""

    message: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing goes through any more.

    ``refused`` says that the server does not believe in the credential, as far as a
    device can tell: it said so, or fell silent once it had to prove itself.
    """

    reason: str
    refused: bool


Event = Opened | Heard | Closed


class Channel:
    """A way to the server of an account; it has to be closed."""

    __slots__ = (
        "_association",
        "_greeted",
        "_handshake",
        "_last_flight",
        "_outgoing",
        "account",
        "begun",
    )

    def __init__(
        self,
        context: ClientContext,
        account: Account,
        *,
        forms: Sequence[CidForm],
        session: bytes = b"",
        now: float,
    ) -> None:
        """Begin with a ClientHello; raise InvalidConfiguration without a credential."""
        if account.credential is None:
            raise InvalidConfiguration(account.url, "needs a credential")
        offer = Offer(
            suites=_SUITES,
            cid=_CID if forms else None,
            forms=forms,
            anchors=(account.anchor,) if account.anchor else None,
            session=session,
        )
        self.account = account
        self.begun = now
        self._handshake: ClientHandshake | None = ClientHandshake(
            context, account.credential, offer=offer, now=now
        )
        self._association: Association | None = None
        self._last_flight: tuple[bytes, ...] = ()
        self._greeted = False
        self._outgoing: list[bytes] = self._handshake.datagrams()

    @property
    def shaking(self) -> bool:
        """Whether the handshake is under way."""
        return self._handshake is not None

    @property
    def open(self) -> bool:
        """Whether messages go through."""
        return self._association is not None and not self._association.exhausted

    def datagrams(self) -> list[bytes]:
        """Take what is to be sent."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def send(self, message: bytes) -> None:
        """Send a message; where the channel is not open it is lost."""
        self._seal(ContentType.APPLICATION, message)

    def receive(self, datagram: bytes, now: float) -> list[Event]:
        """Take a datagram of the server's."""
        events: list[Event] = []
        for record in records.parse(datagram, len(_CID)):
            if self._handshake is not None:
                events += self._shake(self._handshake, record, now)
            elif self._association is not None:
                events += self._open(self._association, record)
        return events

    def tick(self, now: float) -> Closed | None:
        """Repeat what is due; end a handshake whose time is over."""
        handshake = self._handshake
        if handshake is None:
            return None
        if now >= self.begun + HANDSHAKE_SECONDS:
            self.close()
            return Closed("nobody answered", refused=self._greeted)
        handshake.tick(now)
        self._outgoing += handshake.datagrams()
        return None

    def leave(self) -> None:
        """Close with a word to the server."""
        self._seal(ContentType.ALERT, records.alert(AlertLevel.WARNING, _CLOSE_NOTIFY))
        self.close()

    def close(self) -> None:
        """Close without a word; nothing goes through any more."""
        if self._handshake is not None:
            self._handshake.close()
        self._handshake = self._association = None

    def _seal(self, kind: ContentType, content: bytes) -> None:
        association = self._association
        if association is not None and not association.exhausted:
            self._outgoing.append(association.seal(kind, content))

    def _shake(
        self, handshake: ClientHandshake, record: Record, now: float
    ) -> list[Event]:
        self._greeted = self._greeted or _is_greeting(record)
        handshake.receive(record, now)
        self._outgoing += handshake.datagrams()
        match handshake.result:
            case Established(association=Association() as association) as result:
                return self._establish(association, result, now)
            case Failed(reason=reason):
                self.close()
                return [Closed(reason, refused=True)]
        return []

    def _establish(
        self, association: Association, established: Established, now: float
    ) -> list[Event]:
        self._handshake, self._association = None, association
        self._last_flight = established.last_flight
        self._outgoing += self._last_flight
        session_id, session = established.session or (b"", b"")
        resumable = session if session_id else b""
        events: list[Event] = [Opened(established.resumed, now - self.begun, resumable)]
        for record in established.early:
            events += self._open(association, record)
        return events

    def _open(self, association: Association, record: Record) -> list[Event]:
        opened = association.open(record) if record.epoch else None
        if opened is None:
            if record.kind == ContentType.CHANGE_CIPHER_SPEC:
                self._outgoing += self._last_flight
            return []
        kind, content = opened
        if kind == ContentType.APPLICATION:
            self._last_flight = ()
            return [Heard(content)]
        if kind == ContentType.ALERT:
            return self._alerted(content)
        self._outgoing += self._last_flight
        return []

    def _alerted(self, content: bytes) -> list[Event]:
        match tuple(content):
            case (_, code) if code == _CLOSE_NOTIFY:
                self.close()
                return [Closed("the server ended it", refused=False)]
            case (AlertLevel.FATAL, code):
                self.close()
                return [Closed(f"alert {code}", refused=True)]
        return []


def _is_greeting(record: Record) -> bool:
    """Say whether a record brings a ServerHello, which a cookie alone is not."""
    return (
        record.kind == ContentType.HANDSHAKE
        and record.epoch == 0
        and record.fragment[:1] == _SERVER_HELLO
    )
