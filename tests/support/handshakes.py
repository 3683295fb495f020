"""Both sides of a handshake in memory, a line between them, and their own clock."""

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from homeport.dtls import cookies, messages, records
from homeport.dtls.client import ClientHandshake, DeviceKey, Offer
from homeport.dtls.context import CertifiedKey, ClientContext, ServerContext
from homeport.dtls.credentials import Admission, Credential, Refusal
from homeport.dtls.handshake import Established, Failed, ServerHandshake
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import ContentType, Record
from homeport.errors import InvalidHandshake
from homeport.identity import NOBODY

ADDRESS = ("192.0.2.1", 50_000)
SECRETS = (b"s" * 32,)
CID = bytes.fromhex("c0ffee1122334455")
PATIENCE_SECONDS = 900.0
MOST_TROUBLES = 16

Line = Callable[[bytes], Iterable[tuple[bytes, float]]]
"""Of a datagram: what arrives, and how many seconds later."""


Decide = Callable[[Credential], Admission | Refusal]
"""The trust view."""


def straight(datagram: bytes) -> Iterable[tuple[bytes, float]]:
    """Deliver everything at once and in order."""
    return [(datagram, 0.0)]


@dataclass
class Meeting:
    """A server and a device that shake hands, until both have come to a result.

    After its result each side lives on as the transport does: it opens records, and
    sends its last flight again when the other one repeats its own.
    """

    server_context: ServerContext
    client_context: ClientContext
    credential: DeviceKey | CertifiedKey
    decide: Decide
    offer: Offer = field(default_factory=Offer)
    cid: bytes = CID
    session: bytes = b""
    line: Line = straight
    server: ServerHandshake | None = None
    decided: bool = False
    to_server: list[bytes] = field(default_factory=list)
    to_client: list[bytes] = field(default_factory=list)
    heard: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._under_way: list[tuple[float, int, bool, bytes]] = []
        self.client = ClientHandshake(
            self.client_context, self.credential, offer=self.offer, now=self.now
        )

    def run(self) -> "Meeting":
        """Let both talk until nothing more can happen."""
        self._collect()
        while (moment := self._next()) is not None and moment < PATIENCE_SECONDS:
            self.now = moment
            if self._under_way and self._under_way[0][0] <= moment:
                _, _, to_server, datagram = heapq.heappop(self._under_way)
                self._deliver(datagram, to_server=to_server)
            else:
                self.client.tick(self.now)
                if self.server is not None:
                    self.server.tick(self.now)
            self._collect()
        return self

    def close(self) -> None:
        """Let go of everything."""
        sides = [self.client, self.server]
        for side in filter(None, sides):
            side.close()
            match side.result:
                case Established(association=OpenSslAssociation() as association):
                    association.close()

    @property
    def established(self) -> tuple[Established, Established]:
        """What the server and the client have come to, if they have."""
        assert self.server is not None
        server, client = self.server.result, self.client.result
        assert isinstance(server, Established), server or self.server.give_up()
        assert isinstance(client, Established), client or self.client.give_up()
        return server, client

    @property
    def failure(self) -> str:
        """Why the server has refused, or would."""
        assert self.server is not None
        result = self.server.result
        assert not isinstance(result, Established)
        return (result or self.server.give_up()).reason

    def open(self, datagram: bytes) -> list[tuple[int, bytes]]:
        """Open the records that the client has sealed."""
        server, _ = self.established
        parsed = records.parse(datagram, len(self.cid))
        opened = [server.association.open(record) for record in parsed]
        return [each for each in opened if each is not None]

    def _next(self) -> float | None:
        moments = [self._under_way[0][0]] if self._under_way else []
        sides = filter(None, (self.client, self.server))
        moments += filter(None, (side.deadline() for side in sides))
        return min(moments, default=None)

    def _collect(self) -> None:
        for datagram in self.client.datagrams():
            self._send(datagram, to_server=True)
        if self.server is not None:
            for datagram in self.server.datagrams():
                self._send(datagram, to_server=False)

    def _send(self, datagram: bytes, *, to_server: bool) -> None:
        (self.to_server if to_server else self.to_client).append(datagram)
        for arriving, delay in self.line(datagram):
            heapq.heappush(
                self._under_way,
                (self.now + delay, next(self._order), to_server, arriving),
            )

    def _deliver(self, datagram: bytes, *, to_server: bool) -> None:
        if not to_server:
            cid = self.offer.cid or b""
            for record in records.parse(datagram, len(cid)):
                self._client_receives(record)
            return
        for record in records.parse(datagram, len(self.cid)):
            self._server_receives(record)

    def _client_receives(self, record: Record) -> None:
        result = self.client.result
        if result is None:
            self.client.receive(record, self.now)
            self._sent_last(self.client.result, to_server=True)
        elif isinstance(result, Established):
            self._goes_on(result, record, to_server=True)

    def _server_receives(self, record: Record) -> None:
        if self.server is None:
            self._greet(record)
            return
        result = self.server.result
        if result is None:
            self.server.receive([record], self.now)
            credential = self.server.credential
            if credential is not None and not self.decided:
                self.decided = True
                self.server.admit(self.decide(credential), self.now)
            self._sent_last(self.server.result, to_server=False)
        elif isinstance(result, Established):
            self._goes_on(result, record, to_server=False)

    def _sent_last(
        self, result: Established | Failed | None, *, to_server: bool
    ) -> None:
        if not isinstance(result, Established):
            return
        for datagram in result.last_flight:
            self._send(datagram, to_server=to_server)
        for record in result.early:
            self._goes_on(result, record, to_server=to_server)

    def _goes_on(self, result: Established, record: Record, *, to_server: bool) -> None:
        """Open a record; one that repeats a flight is answered with the last one."""
        opened = result.association.open(record) if record.epoch else None
        repeated = record.kind == ContentType.CHANGE_CIPHER_SPEC
        if repeated or (opened is not None and opened[0] == ContentType.HANDSHAKE):
            for datagram in result.last_flight:
                self._send(datagram, to_server=to_server)
        elif opened is not None:
            self.heard.append(opened)

    def _greet(self, record: Record) -> None:
        """Answer a hello as the listener does: with a cookie, or with a handshake."""
        try:
            hello = messages.parse_client_hello(record)
        except InvalidHandshake:
            return
        if not cookies.valid(SECRETS, ADDRESS, hello):
            made = cookies.cookie(SECRETS[0], ADDRESS, hello)
            self._send(cookies.hello_verify_request(hello, made), to_server=False)
            return
        self.server = ServerHandshake(
            self.server_context, hello, cid=self.cid, session=self.session
        )
        self.server.receive([record], self.now)


def troubled(chance: random.Random) -> Line:
    """Make a line that loses, repeats and overtakes, until it is mended."""
    troubles = itertools.count()

    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        if next(troubles) >= MOST_TROUBLES:
            return straight(datagram)
        copies = chance.choices((0, 1, 2), (2, 7, 1))[0]
        return [(datagram, chance.choice((0.0, 0.01, 0.3))) for _ in range(copies)]

    return line


def admit_key(key: bytes) -> Decide:
    """Make a trust view that knows one key."""
    return lambda _: Admission(NOBODY, key=key)


def admit_anchors(*anchors: bytes) -> Decide:
    """Make a trust view that knows some CAs."""
    return lambda _: Admission(NOBODY, anchors=anchors)
