"""Bodies in blocks, both ways (RFC 7959)."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from homeport.coap.codec import Code, Option, Options
from homeport.coap.kept import Kept
from homeport.errors import InvalidMessage

LARGEST_SZX = 6
BERT = 7
"""The SZX of a block of several times 1,024 bytes, over TCP only (RFC 8323 §6)."""
LARGEST_BODY = 102_400
"""Bytes of one body of a peer's; more are refused with 4.13 (B-218).

A registration of 100 kB has to find room (C-188), which 64 KiB, once thought of as the
bound of all of them, would not leave."""
MOST_OF_ONE = 4
"""Bodies of one owner on their way at once."""
MOST_BODIES = 1_024
MOST_BYTES = 16 * 2**20
_LONGEST_OPTION = 3


class Block(NamedTuple):
    """The value of a Block1 or Block2 option."""

    number: int
    more: bool
    szx: int

    @property
    def size(self) -> int:
        """Bytes of a whole block; of BERT, those that its number counts."""
        return 16 << min(self.szx, LARGEST_SZX)

    @property
    def offset(self) -> int:
        """Where the block begins in its body."""
        return self.number * self.size

    def fits(self, payload: bytes) -> bool:
        """Say whether this may be the payload of the block."""
        if self.szx == BERT:
            return not self.more or len(payload) % self.size == 0 < len(payload)
        if self.more:
            return len(payload) == self.size
        return len(payload) <= self.size


def parse(value: bytes, *, largest: int = LARGEST_SZX) -> Block:
    """Parse an option value (RFC 7959 §2.2); raise InvalidMessage."""
    bits = int.from_bytes(value, "big")
    if len(value) > _LONGEST_OPTION or bits & 7 > largest:
        raise InvalidMessage("has a block option that is none")
    return Block(bits >> 4, bool(bits & 8), bits & 7)


def build(block: Block) -> bytes:
    """Build the option value that `parse` reads."""
    bits = block.number << 4 | block.more << 3 | block.szx
    return bits.to_bytes((bits.bit_length() + 7) // 8, "big")


@dataclass(slots=True, eq=False)
class Transfer:
    """A body on its way; ``key`` is what its blocks have in common."""

    key: Hashable
    token: bytes
    body: bytearray = field(default_factory=bytearray)

    def take(self, block: Block, payload: bytes, *, largest: int) -> bytes | Code:
        """Take a block; return the whole body, or the code to answer meanwhile."""
        if block.offset != len(self.body):
            return Code.REQUEST_ENTITY_INCOMPLETE
        if not block.fits(payload):
            return Code.BAD_REQUEST
        if block.offset + len(payload) > largest:
            return Code.REQUEST_ENTITY_TOO_LARGE
        self.body += payload
        return Code.CONTINUE if block.more else bytes(self.body)


class Bodies:
    """Bodies of ``largest`` bytes at most that arrive in blocks, a few of each owner.

    Where two of an owner have the same key, their tokens tell them apart. But some
    clients take a new token for each block; their bodies have to come one after the
    other (RFC 9175 §3.4).
    """

    def __init__(self, largest: int = LARGEST_BODY) -> None:
        self._largest = largest
        self._owners: Kept[list[Transfer]] = Kept(
            most=MOST_BODIES, most_bytes=MOST_BYTES
        )

    def add(
        self,
        owner: Hashable,
        key: Hashable,
        block: Block,
        payload: bytes,
        *,
        token: bytes = b"",
        now: float,
    ) -> bytes | Code:
        """Take a block; return the whole body, or the code to answer meanwhile.

        A gap is 4.08, a body over the limit 4.13 (RFC 7959 §2.9); both are its end.
        """
        transfers = self._owners.get(owner, now=now) or []
        transfer = _find(transfers, key, token, block)
        if transfer is not None:
            transfers.remove(transfer)
        if block.number == 0:
            transfer = Transfer(key, token)
        answer: bytes | Code = Code.REQUEST_ENTITY_INCOMPLETE
        if transfer is not None:
            answer = transfer.take(block, payload, largest=self._largest)
            if answer is Code.CONTINUE:
                transfers.append(transfer)
        self._keep(owner, transfers[-MOST_OF_ONE:], now=now)
        return answer

    def _keep(self, owner: Hashable, transfers: list[Transfer], *, now: float) -> None:
        self._owners.drop(owner)
        if transfers:
            length = sum(len(transfer.body) for transfer in transfers)
            self._owners.put(owner, transfers, length=length, now=now)


def _find(
    transfers: Sequence[Transfer], key: Hashable, token: bytes, block: Block
) -> Transfer | None:
    """Return the transfer that a block belongs to; the first one starts it over."""
    same = [transfer for transfer in transfers if transfer.key == key]
    for transfer in same:
        if transfer.token == token:
            return transfer
    fitting = (each for each in reversed(same) if len(each.body) == block.offset)
    return next(fitting, None) if block.number else None


class Response(NamedTuple):
    """A response; one that is too large for one message is sent in parts."""

    code: Code
    options: Options
    payload: bytes

    def part(self, block: Block) -> tuple[Options, bytes] | None:
        """Return the options and the payload of a block; None beyond the end."""
        if block.offset >= len(self.payload):
            return None
        end = block.offset + block.size
        answered = block._replace(more=not self.ends_with(block))
        options = (*self.options, (Option.BLOCK2, build(answered)))
        if block.number == 0:
            options = (*options, (Option.SIZE2, size_option(len(self.payload))))
        return options, self.payload[block.offset : end]

    def ends_with(self, block: Block) -> bool:
        """Say whether a block is the last one, or none at all."""
        return block.offset + block.size >= len(self.payload)


class LargeResponses:
    """Large responses that peers are fetching block by block."""

    def __init__(self) -> None:
        self._kept: Kept[Response] = Kept(most=MOST_BODIES, most_bytes=MOST_BYTES)

    def put(self, key: Hashable, large: Response, *, now: float) -> None:
        """Keep a response until its last block is long fetched."""
        self._kept.put(key, large, length=len(large.payload), now=now)

    def get(self, key: Hashable, *, now: float) -> Response | None:
        """Return a response that is being fetched."""
        return self._kept.get(key, now=now)


def size_option(length: int) -> bytes:
    """Build the value of Size1 or Size2 (RFC 7959 §4)."""
    return length.to_bytes((length.bit_length() + 7) // 8, "big")
