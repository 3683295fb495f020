"""What peers ask, and what they say without being asked."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic

from homeport.coap.blockwise import Block
from homeport.coap.codec import Message, Option
from homeport.coap.messages import Peer

_MORE = 8
"""The bit of a block option that says that more blocks follow."""


@dataclass(frozen=True, slots=True)
class Request(Generic[Peer]):
    """A request of a peer, with its whole body; it waits for an answer."""

    message: Message
    address: Peer
    length: int
    block1: Block | None = None

    @property
    def transfer(self) -> Hashable:
        """What the blocks of one body have in common (RFC 7959 §2.5, RFC 9175 §3)."""
        message = self.message
        tags = tuple(
            value for number, value in message.options if number == Option.REQUEST_TAG
        )
        return self.address, message.code, message.path, message.queries, tags


@dataclass(frozen=True, slots=True)
class Fetched(Generic[Peer]):
    """A peer has asked for the last block of a large response, and is sent it."""

    request: Request[Peer]


@dataclass(frozen=True, slots=True)
class Stray(Generic[Peer]):
    """An acknowledgement or a reset of what was not sent from here, or is over."""

    message: Message
    address: Peer


@dataclass(frozen=True, slots=True)
class Notification(Generic[Peer]):
    """A response to no request that is under way; it waits for its acceptance.

    It is the value of something observed, or an error that ends the observation, or
    nobody knows its token. Whoever knows what is observed accepts or rejects it.
    """

    message: Message
    address: Peer

    @property
    def token(self) -> bytes:
        """What tells one observation of a peer from another."""
        return self.message.token

    @property
    def partial(self) -> bool:
        """Whether its body goes on: the rest is to be fetched (RFC 7959 §2.6)."""
        return bool((self.message.number(Option.BLOCK2) or 0) & _MORE)
