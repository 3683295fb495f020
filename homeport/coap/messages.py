"""Messages, whatever they say: known when they come again, and told apart by their ids.

This is the lower half of an endpoint (RFC 7252 §4). Above it stand requests and
responses, those of peers (`homeport.coap.serving`) and ours (`homeport.coap.asking`).
"""

import random
from collections.abc import Hashable
from typing import Generic, TypeVar

from homeport.coap import codec
from homeport.coap.codec import Message, Type
from homeport.coap.kept import Kept

MOST_ANSWERS = 65_536
MOST_ANSWER_BYTES = 8 * 2**20
"""Answers to messages, for their repetitions: an edge's short cut. Those that matter
live with the session in the store too, where every other edge finds them (B-228)."""

MOST_PEERS = 65_536
"""Peers whose next message id is known; the others' is drawn anew."""

UNDER_WAY = b""
"""Stands for the answer to a message that is being worked on."""

Peer = TypeVar("Peer", bound=Hashable)
"""How a caller tells its peers apart: an address, or whatever leads to one."""


class Messages(Generic[Peer]):
    """The messages of one endpoint with any number of peers."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._answers: Kept[bytes] = Kept(
            most=MOST_ANSWERS, most_bytes=MOST_ANSWER_BYTES
        )
        self._ids: Kept[int] = Kept(most=MOST_PEERS, most_bytes=0)
        self._outgoing: list[tuple[bytes, Peer]] = []

    def repeated(self, address: Peer, message_id: int, *, now: float) -> bool:
        """Say whether a message was seen before, and repeat its answer if it has one.

        The other message is under way from now on: `settle` it.
        """
        key = address, message_id
        known = self._answers.get(key, now=now)
        if known is None:
            self._answers.put(key, UNDER_WAY, length=0, now=now)
            return False
        if known != UNDER_WAY:
            self.send(known, address)
        return True

    def settle(
        self, address: Peer, message_id: int, answer: bytes, *, now: float
    ) -> None:
        """Send an answer that its caller has encoded, and keep it for repetitions."""
        key = address, message_id
        self._answers.replace(key, answer, length=len(answer), now=now)
        self.send(answer, address)

    def settled(self, address: Peer, message_id: int, *, now: float) -> bool:
        """Say whether a message has been answered already."""
        return bool(self._answers.get((address, message_id), now=now))

    def forget(self, address: Peer, message_id: int) -> None:
        """Leave a message unanswered: its repetition is a new one."""
        self._answers.drop((address, message_id))

    def new_message_id(self, address: Peer, *, now: float) -> int:
        """Return an id that a peer has not had from us within EXCHANGE_LIFETIME."""
        last = self._ids.get(address, now=now)
        following = self._chance.randrange(65_536) if last is None else last + 1
        self._ids.put(address, following & 0xFFFF, length=0, now=now)
        return following & 0xFFFF

    def reset(self, message: Message, address: Peer) -> None:
        """Say that a confirmable message means nothing here."""
        if message.type == Type.CON:
            self.send(codec.encode_empty(Type.RST, message.message_id), address)

    def send(self, datagram: bytes, address: Peer) -> None:
        """Put a datagram with what is to be sent; an empty one is none."""
        if datagram:
            self._outgoing.append((datagram, address))

    def datagrams(self) -> list[tuple[bytes, Peer]]:
        """Take what is to be sent."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing
