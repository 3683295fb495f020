"""Requests of peers."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic

from homeport.coap.blockwise import Block
from homeport.coap.codec import Message, Option
from homeport.coap.exchanges import Peer


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
