"""What most handshakes of the tests begin with: contexts, credentials, an authority."""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

from homeport.dtls import records
from homeport.dtls.association import CidForm
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey, ClientContext, ServerContext
from homeport.dtls.records import ContentType
from homeport.dtls.suites import SUITES, Suite
from tests.support import certificates
from tests.support.certificates import Authority
from tests.support.handshakes import (
    Decide,
    Line,
    Meeting,
    admit_anchors,
    admit_key,
    straight,
)

KEY = DeviceKey(b"device", b"k" * 16)


class House(NamedTuple):
    """An authority, and what it has signed."""

    authority: Authority
    server: CertifiedKey
    device: CertifiedKey


@cache
def house() -> House:
    made = certificates.authority()
    return House(
        made, made.issue("server", usage=certificates.SERVER), made.issue("device")
    )


@cache
def server_context(*, stream: bool = False, mtu: int = 1200) -> ServerContext:
    return ServerContext(house().server, stream=stream, resumption=True, mtu=mtu)


@cache
def client_context(*, stream: bool = False, mtu: int = 1200) -> ClientContext:
    return ClientContext(stream=stream, mtu=mtu)


def offer(suite: Suite, form: CidForm, *, cid: bytes = b"") -> Offer:
    """Offer one suite, and a connection id in one form."""
    return Offer(
        suites=(suite,),
        cid=cid if form else None,
        forms=(form,),
        anchors=None if suite.psk else (house().authority.der,),
    )


def meeting(
    suite: Suite = SUITES[0],
    form: CidForm = CidForm.NONE,
    *,
    cid: bytes = b"",
    mtu: int = 1200,
    line: Line = straight,
    credential: DeviceKey | CertifiedKey | None = None,
    decide: Decide | None = None,
    offered: Offer | None = None,
    context: ServerContext | None = None,
) -> Meeting:
    """Make a good meeting, but for what is given."""
    made = house()
    shown = KEY if suite.psk else made.device
    view = admit_key(KEY.key) if suite.psk else admit_anchors(made.authority.der)
    return Meeting(
        context or server_context(mtu=mtu),
        client_context(mtu=mtu),
        credential or shown,
        decide or view,
        offer=offered or offer(suite, form, cid=cid),
        line=line,
    )


def again(first: Meeting, *, line: Line = straight) -> Meeting:
    """Make a meeting that resumes the session of another one."""
    server, client = first.established
    assert server.session is not None
    assert client.session is not None
    return Meeting(
        first.server_context,
        first.client_context,
        first.credential,
        first.decide,
        offer=replace(first.offer, session=client.session[1]),
        session=server.session[1],
        line=line,
    )


def talk(met: Meeting) -> None:
    """Send a message each way."""
    server, client = met.established
    assert met.open(client.association.seal(ContentType.APPLICATION, b"up")) == [
        (ContentType.APPLICATION, b"up")
    ]
    down = server.association.seal(ContentType.APPLICATION, b"down")
    (record,) = records.parse(down, len(met.offer.cid or b""))
    assert client.association.open(record) == (ContentType.APPLICATION, b"down")


def alerts(met: Meeting) -> list[int]:
    """Return the descriptions of the alerts that the server sent in clear."""
    return [
        record.fragment[1]
        for datagram in met.to_client
        for record in records.parse(datagram, 0)
        if record.kind == ContentType.ALERT and record.epoch == 0
    ]
