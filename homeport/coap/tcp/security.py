"""What stands between the bytes of a connection and what they mean."""

from collections.abc import Callable
from typing import Protocol

from homeport.identity import NOBODY, Identity


class Security(Protocol):
    """One end of a connection's security; sans-I/O, but it may have to ask somebody."""

    @property
    def records(self) -> bool:
        """Whether `clear` returns records, whose borders mean something."""

    @property
    def identity(self) -> Identity:
        """Who the peer has proved to be, once `clear` has returned anything."""

    @property
    def waiting(self) -> bool:
        """Whether it takes no more bytes before it knows more."""

    @property
    def closed(self) -> bool:
        """Whether nothing comes and nothing goes any more."""

    def receive(self, received: bytes) -> None:
        """Take bytes of the peer."""

    def clear(self) -> list[bytes]:
        """Take what they mean."""

    def write(self, content: bytes) -> None:
        """Take what is to go to the peer, in one record where there are records."""

    def outgoing(self) -> bytes:
        """Take bytes for the peer."""

    def close(self) -> None:
        """Say goodbye, with what `outgoing` returns after it, and free what is held."""


Secure = Callable[[str, Callable[[], None]], Security]
"""Makes the security of a connection with a peer, ``host:port``.

What it is given besides is to be called whenever it may go on after it had to wait.
"""


class Plain:
    """No security: bytes mean what they are."""

    records = False
    identity = NOBODY
    waiting = False
    closed = False

    def __init__(self, _peer: str, _go_on: Callable[[], None]) -> None:
        self._received: list[bytes] = []
        self._written: list[bytes] = []

    def receive(self, received: bytes) -> None:
        """Take bytes of the peer."""
        self._received.append(received)

    def clear(self) -> list[bytes]:
        """Take the same bytes."""
        received, self._received = self._received, []
        return received

    def write(self, content: bytes) -> None:
        """Take bytes for the peer."""
        self._written.append(content)

    def outgoing(self) -> bytes:
        """Take the same bytes."""
        written, self._written = self._written, []
        return b"".join(written)

    def close(self) -> None:
        """Say nothing."""
