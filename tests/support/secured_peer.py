"""A DTLS peer that tests play over a real UDP socket."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from homeport.coap.udp import Address
from homeport.dtls import records
from homeport.dtls.association import Association, CidForm
from homeport.dtls.client import ClientHandshake, DeviceKey, Offer
from homeport.dtls.context import CertifiedKey, ClientContext
from homeport.dtls.course import Established, Failed
from homeport.dtls.messages import HandshakeType
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import ContentType, Record
from tests.support.handshakes import Line, straight

PATIENCE_SECONDS = 10
NO_IDS = Offer()
KEY = DeviceKey(b"device", b"\x07" * 16)
WRONG_KEY = DeviceKey(KEY.identity, b"\x08" * 16)
STRANGER = DeviceKey(b"stranger", b"\x08" * 16)


class SecuredPeer:
    """One device; its socket may be changed for another one, as a NAT does.

    What goes either way passes a line, which may lose, repeat and delay it. Two records
    of the server with one number and different content are an error: that breaks AEAD.
    """

    context = ClientContext()

    def __init__(
        self,
        address: Address,
        *,
        host: str = "127.0.0.1",
        outward: Line = straight,
        inward: Line = straight,
    ) -> None:
        self.address = address
        self._host = host
        self.established: Established | None = None
        self.sent: list[bytes] = []
        self.heard: list[bytes] = []
        self._lines = outward, inward
        self._handshakes: list[ClientHandshake] = []
        self._numbered: dict[tuple[int, int], bytes] = {}
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._socket = self._open()

    @property
    def association(self) -> Association | OpenSslAssociation:
        assert self.established is not None
        return self.established.association

    @property
    def alerts(self) -> list[bytes]:
        """What it was told in clear that is wrong."""
        return [
            record.fragment
            for datagram in self.heard
            for record in records.parse(datagram, 0)
            if record.kind == ContentType.ALERT
        ]

    def begin(
        self, credential: DeviceKey | CertifiedKey = KEY, offer: Offer = NO_IDS
    ) -> ClientHandshake:
        """Make a handshake that has said nothing yet."""
        handshake = ClientHandshake(
            self.context, credential, offer=offer, now=self._loop.time()
        )
        self._handshakes.append(handshake)
        return handshake

    async def shake_hands(
        self, credential: DeviceKey | CertifiedKey = KEY, offer: Offer = NO_IDS
    ) -> Established | Failed:
        """Shake hands; repeat flights as the protocol wants."""
        return await self.finish(self.begin(credential, offer), offer)

    async def finish(
        self, handshake: ClientHandshake, offer: Offer = NO_IDS
    ) -> Established | Failed:
        """Go on with a handshake until it has come to a result."""
        self._numbered.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while handshake.result is None:
                self.say_flight(handshake)
                await self.step(handshake, offer)
        self.say_flight(handshake)
        if isinstance(handshake.result, Established):
            self.established = handshake.result
            self._say_last_flight()
        return handshake.result

    async def knock(self, offer: Offer = NO_IDS) -> ClientHandshake:
        """Say hello, with the cookie too, and leave it at that."""
        handshake = self.begin(offer=offer)
        self.say_flight(handshake)
        await self.step(handshake, offer)
        self.say_flight(handshake)
        return handshake

    def say_flight(self, handshake: ClientHandshake) -> None:
        """Send what a handshake has to say now."""
        for datagram in handshake.datagrams():
            self.say_datagram(datagram)

    async def step(self, handshake: ClientHandshake, offer: Offer = NO_IDS) -> None:
        """Take one datagram of the server's into a handshake, or its deadline."""
        deadline = handshake.deadline()
        wait = PATIENCE_SECONDS if deadline is None else deadline - self._loop.time()
        try:
            async with asyncio.timeout(max(0.001, wait)):
                datagram = await self._inbox.get()
        except TimeoutError:
            handshake.tick(self._loop.time())
            return
        for record in self._parsed(datagram, offer.cid or b""):
            handshake.receive(record, self._loop.time())

    def say(self, message: bytes) -> bytes:
        """Send a message; return the datagram that it became."""
        datagram = self.seal(message)
        self.say_datagram(datagram)
        return datagram

    def seal(self, message: bytes, kind: int = ContentType.APPLICATION) -> bytes:
        """Make the next datagram and do not send it."""
        return self.association.seal(kind, message)

    def say_datagram(self, datagram: bytes) -> None:
        self.sent.append(datagram)
        for arriving, delay in self._lines[0](datagram):
            if delay:
                self._loop.call_later(delay, self._send, arriving)
            else:
                self._send(arriving)

    async def hear(self) -> bytes:
        """Wait for the next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                kind, content = await self.hear_record()
                if kind == ContentType.APPLICATION:
                    return content

    async def hear_record(self) -> tuple[int, bytes]:
        """Wait for the next record that is ours."""
        while True:
            for record in self._parsed(await self.hear_datagram(), self._cid):
                if record.epoch == 0:
                    self._say_last_flight()
                    continue
                opened = self.association.open(record)
                if opened is not None:
                    return opened

    async def hear_datagram(self) -> bytes:
        """Wait for the next datagram."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._inbox.get()

    async def ask(self, message: bytes) -> bytes:
        """Say something and wait for what comes back."""
        self.say(message)
        return await self.hear()

    async def hears_nothing(self) -> bool:
        """Say whether all that was said before stays unanswered.

        A hello without cookie goes the same way, behind it, and is always answered.
        """
        hello = self.begin()
        self.say_flight(hello)
        hello.close()
        return self._is_answer_to_hello(await self.hear_datagram())

    def rebind(self) -> None:
        """Come from another port from now on."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._socket = self._open()

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for handshake in self._handshakes:
            handshake.close()
        if self.established is not None:
            match self.association:
                case OpenSslAssociation() as association:
                    association.close()

    def _open(self) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.bind((self._host, 0))
        self._loop.add_reader(opened, self._read)
        return opened

    def _send(self, datagram: bytes) -> None:
        with suppress(OSError):  # a delayed one may come after the end
            self._socket.sendto(datagram, self.address)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            datagram = self._socket.recv(65_535)
            self.heard.append(datagram)
            for arriving, delay in self._lines[1](datagram):
                self._loop.call_later(delay, self._inbox.put_nowait, arriving)

    def _parsed(self, datagram: bytes, cid: bytes | int) -> list[Record]:
        length = cid if isinstance(cid, int) else len(cid)
        parsed = records.parse(datagram, length)
        for record in parsed:
            if record.epoch:
                number = record.epoch, record.sequence
                assert self._numbered.setdefault(number, record.raw) == record.raw
        return parsed

    def _say_last_flight(self) -> None:
        if self.established is not None:
            for datagram in self.established.last_flight:
                self.say_datagram(datagram)

    def _is_answer_to_hello(self, datagram: bytes) -> bool:
        (record,) = records.parse(datagram, 0)
        return record.fragment[:1] == bytes([HandshakeType.HELLO_VERIFY_REQUEST])

    @property
    def _cid(self) -> int:
        association = self.association
        return len(association.cid) if isinstance(association, Association) else 0


@contextmanager
def secured_peer(
    address: Address,
    *,
    host: str = "127.0.0.1",
    outward: Line = straight,
    inward: Line = straight,
) -> Iterator[SecuredPeer]:
    """Make a device that speaks to a port."""
    made = SecuredPeer(address, host=host, outward=outward, inward=inward)
    try:
        yield made
    finally:
        made.close()


def with_cid(form: CidForm = CidForm.RFC, cid: bytes = b"") -> Offer:
    """Offer connection ids of one form."""
    return Offer(cid=cid, forms=(form,))
