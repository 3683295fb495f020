"""A device that tests play behind DTLS; it shakes hands when told to, and only then."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.dtls import records
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Established
from homeport.dtls.records import Record
from tests.support.secured_peer import NO_IDS, SecuredPeer, secured_peer

PATIENCE_SECONDS = 20
REPEAT_SECONDS = 0.5
LINK_FORMAT = ((int(Option.CONTENT_FORMAT), b"\x28"),)

Credential = DeviceKey | CertifiedKey


class SecuredDevice:
    """Registers and updates; what is not answered it says again, in a new record."""

    def __init__(
        self,
        endpoint_name: str,
        credential: Credential,
        peer: SecuredPeer,
        *,
        offer: Offer = NO_IDS,
    ) -> None:
        self.endpoint_name = endpoint_name
        self.credential = credential
        self.peer = peer
        self.location: tuple[str, ...] = ()
        self._offer = offer
        self._message_id = 0

    @property
    def address(self) -> str:
        """Where it comes from, as servers write it."""
        host, port = self.peer._socket.getsockname()
        return f"{host}:{port}"

    @property
    def has_connection_id(self) -> bool:
        """Whether servers tell it by what stands on its records."""
        return self._offer.cid is not None

    async def shake_hands(self) -> None:
        """Shake hands, which succeeds."""
        established = await self.peer.shake_hands(self.credential, self._offer)
        assert isinstance(established, Established), established

    async def register(self, *queries: str) -> Message:
        """Register; the answer says whether that went well."""
        asked = (f"ep={self.endpoint_name}", "lt=300", "lwm2m=1.1", "b=U", *queries)
        answer = await self.ask(
            Code.POST, ("rd",), queries=asked, options=LINK_FORMAT, payload=b"</1/0>"
        )
        self.location = answer.location
        return answer

    async def come_home(self) -> None:
        """Shake hands and register, which succeeds."""
        await self.shake_hands()
        assert (await self.register()).code == Code.CREATED

    async def update(self) -> Code | int:
        """Update the registration; return the code of the answer."""
        return (await self.ask(Code.POST, self.location)).code

    async def ask(
        self,
        code: Code,
        path: Sequence[str],
        *,
        queries: Sequence[str] = (),
        options: Options = (),
        payload: bytes = b"",
    ) -> Message:
        """Send a confirmable request until it is answered."""
        message = self._request(code, path, queries, options, payload)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self.peer.say(codec.encode(message))
                with suppress(TimeoutError):
                    async with asyncio.timeout(REPEAT_SECONDS):
                        return await self._answer(message.message_id)

    def say_update(self) -> None:
        """Send an update, and do not care what becomes of it."""
        message = self._request(Code.POST, self.location, (), (), b"")
        self.peer.say(codec.encode(message))

    def numbered(self) -> list[Record]:
        """Return all protected records that servers have sent, as they came."""
        length = len(self._offer.cid or b"")
        return [
            record
            for datagram in self.peer.heard
            for record in records.parse(datagram, length)
            if record.epoch
        ]

    def _request(
        self,
        code: Code,
        path: Sequence[str],
        queries: Sequence[str],
        options: Options,
        payload: bytes,
    ) -> Message:
        self._message_id += 1
        named = [(int(Option.URI_PATH), segment.encode()) for segment in path]
        asked = [(int(Option.URI_QUERY), query.encode()) for query in queries]
        ordered = sorted([*named, *options, *asked], key=lambda pair: pair[0])
        return Message(
            Type.CON, code, self._message_id, b"\x2a", tuple(ordered), payload
        )

    async def _answer(self, message_id: int) -> Message:
        while True:
            message = codec.decode(await self.peer.hear())
            if message.message_id == message_id:
                return message


@contextmanager
def secured_device(
    url: str,
    endpoint_name: str,
    credential: Credential,
    *,
    offer: Offer = NO_IDS,
    host: str = "127.0.0.1",
) -> Iterator[SecuredDevice]:
    """Make a device that speaks to a server."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    with secured_peer((parts.hostname, parts.port), host=host) as peer:
        yield SecuredDevice(endpoint_name, credential, peer, offer=offer)
