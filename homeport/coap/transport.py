"""The one shape of every transport: messages of peers in, messages to peers out.

A peer is whatever its transport knows it by: an address, a DTLS association that may
change its address, a connection. It is hashable, and the message layer needs no more.
"""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from homeport.identity import NOBODY, Identity

Peer = TypeVar("Peer")


class Arrival(NamedTuple, Generic[Peer]):
    """A message that has arrived.

    ``sequence`` is the number of the DTLS record that brought it, which its sender
    never uses twice; 0 where the transport has no such thing.
    """

    message: bytes
    peer: Peer
    sequence: int = 0


class Origin(NamedTuple):
    """Where messages come from, and what their sender has proved.

    ``peer`` is its address for people, ``host:port``. Within ``exchanges`` message ids
    are unique: an association where there is one, otherwise the address.
    ``association`` and ``generation`` say which DTLS association and whose turn at it
    brought them; they are empty and 0 for other transports.
    """

    peer: str
    exchanges: str
    identity: Identity = NOBODY
    association: str = ""
    generation: int = 0

    def exchange(self, message_id: int) -> str:
        """Name an exchange of its sender, as no other exchange is named."""
        return f"{self.exchanges}#{message_id}"

    def mark(self, sequence: int) -> str:
        """Name a record so that of two of a device's the newer one sorts behind."""
        return f"{self.association}{sequence:012x}" if self.association else ""


class Trace(NamedTuple):
    """What is left of the last message of a peer, as its `Origin` told it.

    ``mark`` is that of the newest record of any DTLS association, ``identity`` the name
    of who it was.
    """

    peer: str
    exchanges: str
    mark: str = ""
    identity: str = ""

    @property
    def association(self) -> str:
        """The DTLS association that it came through, or ''."""
        known = self.exchanges and self.mark.startswith(self.exchanges)
        return self.exchanges if known else ""

    @property
    def sequence(self) -> int:
        """The number of the association's record that had an effect last."""
        return int(self.mark[len(self.association) :], 16) if self.association else 0


Receive = Callable[[Sequence[Arrival[Peer]], float], None]
"""Takes what a wake-up delivered, and when the oldest of it arrived (loop time)."""

Gone = Callable[[Peer], None]
"""Hears of a peer that is reached no more, after all that it has sent: its connection
was closed, or its association has ended or is another replica's by now."""


def unheard(_peer: object) -> None:
    """Take it that nobody has to hear of a peer."""


class Transport(Protocol[Peer]):
    """A port that devices reach; its messages have blocks of ``16 << largest_szx``.

    ``proven`` says that its peers are where their messages come from.
    """

    largest_szx: int
    proven: bool

    def start(self, receive: Receive[Peer], gone: Gone[Peer] = unheard) -> None:
        """Hand over messages from now on, and tell of peers that are gone."""

    def origin(self, peer: Peer) -> Origin:
        """Say where the messages of a peer come from."""

    def send(self, messages: Sequence[tuple[bytes, Peer]]) -> None:
        """Send; what cannot be sent is lost, like any datagram."""

    def reach(self, peer: Peer) -> bool:
        """Say whether a peer that has been heard can still be sent anything."""

    async def recall(self, trace: Trace) -> Peer | None:
        """Find a peer again that was heard by another replica, or long ago here.

        None where it came another way or cannot be reached; raises Unavailable.
        """

    def release(self, peer: Peer) -> None:
        """Leave a peer to the replica that has taken it over."""

    def stop(self) -> None:
        """Hand over no more; what is to be sent still is."""

    def close(self) -> None:
        """Close the port."""
