"""The client's side of a DTLS handshake, for simulated devices and for tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from homeport.dtls.association import CidForm
from homeport.dtls.context import CID_FORMS, CertifiedKey, ClientContext
from homeport.dtls.course import Course
from homeport.dtls.flights import Flights
from homeport.dtls.negotiation import CidNegotiation
from homeport.dtls.openssl.connection import Connection
from homeport.dtls.openssl.context import Verify
from homeport.dtls.openssl.questions import Answers
from homeport.dtls.records import Record
from homeport.dtls.suites import SUITES, Suite
from homeport.errors import InvalidFormat


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A PSK identity and its key."""

    identity: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a device offers and asks of the server.

    Of ``suites`` it offers those that go with its credential. ``cid`` is the connection
    id that it wants on records to it, possibly empty, in these ``forms``; None offers
    nothing. ``anchors`` are certificates in DER that the server's chain has to lead to,
    None takes any server. ``session`` is one of an earlier handshake, ``host`` the name
    of the server where the device asks for it.
    """

    suites: Sequence[Suite] = SUITES
    cid: bytes | None = None
    forms: Sequence[CidForm] = CID_FORMS
    anchors: Sequence[bytes] | None = None
    session: bytes = field(default=b"", repr=False)
    host: str = ""


class ClientHandshake(Course):
    """A handshake that begins with our ClientHello.

    Raises InvalidFormat where the credential is none.
    """

    def __init__(
        self,
        context: ClientContext,
        credential: DeviceKey | CertifiedKey,
        *,
        offer: Offer = Offer(),
        now: float,
    ) -> None:
        cids = CidNegotiation(offer.cid, forms=offer.forms)
        answers = Answers(extension=cids.content, extended=cids.take)
        connection = Connection(context.openssl, answers, mtu=context.mtu)
        super().__init__(connection, cids, Flights(mtu=context.mtu), server=False)
        try:
            prepare(connection, answers, credential, offer)
        except InvalidFormat:
            connection.close()
            raise
        self._advance(now)

    def receive(self, record: Record, now: float) -> None:
        """Take a record of the server's."""
        self._take(record, now)

    def _may_alert(self) -> bool:
        return True

    def _doubt(self) -> str:
        return ""

    def _keeps_session(self) -> bool:
        return True


def prepare(
    connection: Connection,
    answers: Answers,
    credential: DeviceKey | CertifiedKey,
    offer: Offer,
) -> None:
    """Have a connection present a credential, over DTLS or TLS."""
    psk = isinstance(credential, DeviceKey)
    names = [suite.name for suite in offer.suites if suite.psk == psk]
    connection.limit(":".join(names))
    match credential:
        case DeviceKey(identity, key):
            answers.identity, answers.key = identity, key
        case CertifiedKey(chain, key):
            connection.use(chain, key)
    if offer.anchors is not None:
        connection.trust(offer.anchors)
        connection.verify(Verify.PEER)
    if offer.session:
        connection.resume(offer.session)
    if offer.host:
        connection.ask_for(offer.host)
