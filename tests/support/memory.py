"""A port without a wire, for what stands behind ports."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from homeport.coap import codec
from homeport.coap.blockwise import LARGEST_SZX
from homeport.coap.codec import Message
from homeport.coap.transport import Arrival, Gone, Origin, Receive, Trace, unheard

PATIENCE_SECONDS = 10


class MemoryTransport:
    """Devices reach it at once; each has proved what its origin says."""

    largest_szx = LARGEST_SZX
    proven = True

    def __init__(self) -> None:
        self.released: list[str] = []
        self._origins: dict[str, Origin] = {}
        self._sent: dict[str, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)
        self._receive: Receive[str] | None = None
        self._gone: Gone[str] = unheard

    def start(self, receive: Receive[str], gone: Gone[str] = unheard) -> None:
        self._receive, self._gone = receive, gone

    def origin(self, peer: str) -> Origin:
        return self._origins[peer]

    def send(self, messages: Sequence[tuple[bytes, str]]) -> None:
        for message, peer in messages:
            self._sent[peer].put_nowait(message)

    def reach(self, peer: str) -> bool:
        return peer not in self.released

    async def recall(self, trace: Trace) -> str | None:
        known = trace.exchanges in self._origins
        return trace.exchanges if known and self.reach(trace.exchanges) else None

    def release(self, peer: str) -> None:
        self.released.append(peer)

    def stop(self) -> None:
        self._receive = None

    def close(self) -> None:
        self.stop()

    def connect(self, origin: Origin) -> "Device":
        """Put a device in front of the port."""
        self._origins[origin.exchanges] = origin
        return Device(self, origin.exchanges)

    def say(self, message: bytes, peer: str, *, sequence: int = 0) -> None:
        """Let a message of a device arrive."""
        assert self._receive is not None
        now = asyncio.get_running_loop().time()
        self._receive([Arrival(message, peer, sequence)], now)

    def leave(self, peer: str) -> None:
        """Let a device be gone."""
        self.release(peer)
        self._gone(peer)

    def unheard(self, peer: str) -> int:
        """Say how many messages a device has not heard yet."""
        return self._sent[peer].qsize()

    async def hear(self, peer: str) -> bytes:
        """Wait for the next message to a device."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._sent[peer].get()


class Device:
    """A device that a test plays; what it says is bytes, or hex with spaces."""

    def __init__(self, port: MemoryTransport, peer: str) -> None:
        self._port = port
        self._peer = peer

    def say(self, message: bytes | str) -> None:
        if isinstance(message, str):
            message = bytes.fromhex(message)
        self._port.say(message, self._peer)

    def leave(self) -> None:
        self._port.leave(self._peer)

    @property
    def unheard(self) -> int:
        return self._port.unheard(self._peer)

    async def hear(self) -> bytes:
        return await self._port.hear(self._peer)

    async def hear_message(self) -> Message:
        return codec.decode(await self.hear())
