"""What is kept of associations outside of any one edge, so that they float.

The record layer's send sequence number is 24 bits of generation and 24 of counter. The
edge that shook hands has generation 1, each edge that takes the association over the
next one: no two of them can ever use the same number (`homeport.dtls.association`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from homeport.identity import Identity


@dataclass(frozen=True, slots=True)
class Floating:
    """An association as any edge may take it over.

    ``place`` is what its records are told by: the connection id in hex, or the peer's
    address ``host:port`` where there is none. ``id`` is 28 lower-case hex characters:
    12 of the store's clock in milliseconds and 16 random ones, so that of two
    associations of a device the newer sorts behind. ``secrets`` is what
    `Association.export` made; ``received`` the highest record sequence that is known
    to have arrived.
    """

    place: str
    id: str
    secrets: bytes = field(repr=False)
    identity: Identity
    peer: str
    received: int


@dataclass(frozen=True, slots=True)
class Taken:
    """An association that is ours now; ``owner`` is the edge that had it, or ''."""

    generation: int
    owner: str


KEPT_SECONDS = 30 * 86_400
"""No association is kept for longer than this without a sign of life.

What is left of a registration session lives as long, so that no record of an
association can bring it back (`SessionStore`).
"""


class Associations(Protocol):
    """The associations that every edge may find; all raise Unavailable."""

    async def save(self, associations: Sequence[Floating]) -> None:
        """Keep associations; they are ours, with generation 1."""

    async def find(self, places: Sequence[str]) -> list[Floating | None]:
        """Look associations up without taking them."""

    async def take(self, wanted: Sequence[tuple[Floating, int]]) -> list[Taken | None]:
        """Take associations over, each with the record sequence that gave reason.

        None where it is gone, is another one by now, its generations are used up, or
        that record (or a newer one) has been a reason before: a replay. An association
        of ours takes its next generation the same way.
        """

    async def recall(self, wanted: Sequence[Floating]) -> list[Taken | None]:
        """Take associations over to be the first who speaks.

        None where it is gone, is another one by now, its generations are used up, or a
        record has arrived that is newer than its ``received``.
        """

    async def rest(self, associations: Sequence[Floating]) -> None:
        """Write down the ``received`` of associations, and keep them for longer."""

    async def drop(self, associations: Sequence[Floating]) -> None:
        """Forget associations, unless another has taken their place."""


class Resumptions(Protocol):
    """TLS sessions by their id, for abbreviated handshakes; all raise Unavailable."""

    async def put(self, sessions: Sequence[tuple[bytes, bytes, Identity]]) -> None:
        """Keep sessions by their ids; they and who their peers are get sealed."""

    async def get(
        self, session_ids: Sequence[bytes]
    ) -> list[tuple[bytes, Identity] | None]:
        """Return sessions, in order, and who their peers were."""


class CookieSecrets(Protocol):
    """The secrets that all replicas make their cookies with."""

    async def current(self) -> tuple[bytes, ...]:
        """Return the secrets in force; raise Unavailable.

        The first one makes cookies, each of them proves one.
        """
