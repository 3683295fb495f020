"""Handshakes under way: one of each address, so many in all, and of one host."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial

from homeport.coap.udp import Address
from homeport.dtls.credentials import Admission
from homeport.dtls.handshake import ServerHandshake
from homeport.dtls.messages import ClientHello
from homeport.dtls.records import Record
from homeport.identity import Identity

CID_BYTES = 8
"""Of the ids that we ask peers to put on their records; all have one length."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many handshakes may be half open, in all and of one host, for how long.

    Each holds 50 kB.
    """

    half_open: int = 2048
    half_open_per_host: int = 512
    seconds: float = 30.0


class Phase(Enum):
    """What a half-open handshake waits for."""

    SESSION = auto()
    PEER = auto()
    ADMISSION = auto()
    PROOF = auto()
    COMMIT = auto()


@dataclass(slots=True, eq=False)
class HalfOpen:
    """A handshake under way, the only one of its address; it ends by ``deadline``.

    ``cid`` is the connection id that the client may put on its records; the id of the
    association ends with it. What comes while it waits for the store is ``parked``.
    """

    address: Address
    hello: ClientHello
    deadline: float
    cid: bytes = field(default_factory=partial(os.urandom, CID_BYTES))
    phase: Phase = Phase.SESSION
    handshake: ServerHandshake | None = None
    identity: Identity | None = None
    admission: Admission | None = None
    parked: list[Sequence[Record]] = field(default_factory=list)


class HalfOpens:
    """All handshakes under way; whoever removes one closes it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: dict[Address, HalfOpen] = {}
        self._hosts: Counter[str] = Counter()
        self._none: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[HalfOpen]:
        return iter(list(self._by_address.values()))

    def __contains__(self, half: HalfOpen) -> bool:
        return self._by_address.get(half.address) is half

    def get(self, address: Address) -> HalfOpen | None:
        """Return the handshake with an address."""
        return self._by_address.get(address)

    def has_room(self, address: Address) -> bool:
        """Say whether another one may begin."""
        limits = self._limits
        return (
            len(self._by_address) < limits.half_open
            and self._hosts[address[0]] < limits.half_open_per_host
        )

    def add(self, hello: ClientHello, address: Address, *, now: float) -> HalfOpen:
        """Begin one; there has to be room."""
        half = HalfOpen(address, hello, now + self._limits.seconds)
        self._by_address[address] = half
        self._hosts[address[0]] += 1
        return half

    def remove(self, half: HalfOpen) -> bool:
        """Take one out; False if it was not there."""
        if half not in self:
            return False
        del self._by_address[half.address]
        host = half.address[0]
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]
        if self._none is not None and not self._by_address:
            self._none.set()
        return True

    async def none(self) -> None:
        """Wait until none is under way."""
        if self._by_address:
            self._none = asyncio.Event()
            await self._none.wait()
