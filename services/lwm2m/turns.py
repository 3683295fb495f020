"""What is under way with devices, one thing with each (RFC 7252 §4.7).

What a device is asked goes through these stages; the store alone says what is next::

    idle ──▶ TAKING ──▶ SENT ──▶ ENDING ──▶ idle, or on to the next request

Fetching the rest of a notification is SENT from the beginning.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic

from homeport.coap.layer import Exchange
from homeport.coap.transport import Peer
from homeport.names import DeviceId
from services.lwm2m.ports import Timer
from services.lwm2m.requests import Taken


class Stage(Enum):
    """How far a turn has come."""

    TAKING = auto()
    """The store is asked for a request."""
    SENT = auto()
    """The device is asked."""
    ENDING = auto()
    """The store is told how it ended."""


@dataclass(slots=True, eq=False)
class Turn(Generic[Peer]):
    """What is under way with one device, reached at ``peer``, from ``since`` on.

    ``again`` says that there may be more to do when it is over. Nothing is ``taken``
    while the rest of a notification is fetched.
    """

    device: DeviceId
    peer: Peer
    since: float
    stage: Stage = Stage.TAKING
    again: bool = False
    taken: Taken | None = None
    exchange: Exchange[Peer] | None = None
    acknowledged: bool = False
    timer: Timer | None = None


class Turns(Generic[Peer]):
    """All turns: found by their devices, and while they are SENT by what may come."""

    def __init__(self) -> None:
        self._by_device: dict[DeviceId, Turn[Peer]] = {}
        self._by_exchange: dict[Exchange[Peer], Turn[Peer]] = {}
        self._by_peer: dict[Peer, Turn[Peer]] = {}

    def __len__(self) -> int:
        return len(self._by_device)

    def __iter__(self) -> Iterator[Turn[Peer]]:
        return iter(list(self._by_device.values()))

    def of(self, device: DeviceId) -> Turn[Peer] | None:
        """Return what is under way with a device."""
        return self._by_device.get(device)

    def sent_to(self, peer: Peer) -> Turn[Peer] | None:
        """Return what a peer has been sent and not answered."""
        return self._by_peer.get(peer)

    def of_exchange(self, exchange: Exchange[Peer]) -> Turn[Peer] | None:
        """Return what an exchange belongs to."""
        return self._by_exchange.get(exchange)

    def begin(self, device: DeviceId, peer: Peer, now: float) -> Turn[Peer]:
        """Begin a turn of a device; the rest of a notification may still be fetched."""
        turn = self._by_device[device] = Turn(device, peer, now)
        return turn

    def sent(self, turn: Turn[Peer], exchange: Exchange[Peer]) -> None:
        """Take it that the device is asked by an exchange, at its peer."""
        turn.stage, turn.exchange = Stage.SENT, exchange
        self._by_exchange[exchange] = self._by_peer[turn.peer] = turn

    def over(self, turn: Turn[Peer]) -> None:
        """Take it that nothing is expected of the device any more."""
        if turn.timer is not None:
            turn.timer.cancel()
            turn.timer = None
        if turn.exchange is not None:
            self._by_exchange.pop(turn.exchange, None)
        if self._by_peer.get(turn.peer) is turn:
            del self._by_peer[turn.peer]

    def end(self, turn: Turn[Peer]) -> None:
        """End a turn."""
        self.over(turn)
        if self._by_device.get(turn.device) is turn:
            del self._by_device[turn.device]
