"""What the downlink of a port needs of everybody else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol

from homeport.coap.codec import Message
from homeport.coap.transport import Origin, Peer
from homeport.names import DeviceId, EdgeId
from homeport.store.operations import Operation, Outcome

Told = Callable[[Outcome | None], None]
"""Hears what came of an operation; None where the store was away."""


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen."""


class Timers(Protocol):
    """A clock, and who wakes one up by it; an event loop is one."""

    def time(self) -> float:
        """Return the time in seconds."""

    def call_at(self, when: float, callback: Callable[[], None], /) -> Timer:
        """Call back at a time."""


@dataclass(frozen=True, slots=True)
class Place:
    """What does not change: this edge, where devices lie in the store, and its clock.

    ``poke`` tells an edge to look at the queue of a device. ``now_milliseconds`` is the
    store's clock, since 1970.
    """

    edge: EdgeId
    bucket: Callable[[DeviceId], int]
    poke: Callable[[EdgeId, DeviceId], None]
    now_milliseconds: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Ports(Generic[Peer]):
    """What the downlink asks of its port.

    ``record`` does an operation on the store. ``told`` takes a notification that has
    been fetched whole. ``reach`` and ``origin`` are the transport's, ``flush`` lets it
    send; ``ended`` is told when something is over.
    """

    record: Callable[[Operation, Told], None]
    told: Callable[[DeviceId, Peer, Message], None]
    reach: Callable[[Peer], bool]
    origin: Callable[[Peer], Origin]
    flush: Callable[[], None]
    ended: Callable[[], None]
