"""One request of ours and its response, block by block where they are large (RFC 7959).

A conversation knows what to say next and what it has heard so far. Of message ids,
tokens and time it knows nothing.
"""

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from homeport.coap import blockwise
from homeport.coap.blockwise import Block
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.errors import InvalidMessage

_SAFE = (Code.GET, Code.FETCH)
"""What may be asked twice without harm."""
_SUCCESS = 2
_OF_BLOCKS = (Option.BLOCK1, Option.BLOCK2, Option.SIZE1, Option.SIZE2)


class Turn(Enum):
    """What a response means that is not the end."""

    NEXT = auto()
    """The next message is to be sent."""
    STALE = auto()
    """It answers what was said before; what was said since is still to be answered."""


@dataclass(slots=True, eq=False)
class Conversation:
    """What is asked, how far that has come, and what has been answered so far.

    ``szx`` is the size of our blocks. Those of the peer have ``largest_szx`` at most,
    and its whole body ``largest`` bytes. ``observed`` is the message with which an
    observation began to tell a value; the rest of the value is read like any other.
    """

    code: Code
    options: Options
    body: bytes
    szx: int
    largest_szx: int
    largest: int
    offset: int = 0
    head: Message | None = None
    heard: bytearray = field(default_factory=bytearray)
    wanted: Block | None = None
    observed: Message | None = None
    begun_again: bool = False

    @property
    def weight(self) -> int:
        """Bytes that it keeps."""
        return len(self.body) + len(self.heard)

    @property
    def ends_observation(self) -> bool:
        """Whether it asks that something be observed no more (RFC 7641 §3.6)."""
        return (Option.OBSERVE, b"\x01") in self.options

    def say(self) -> tuple[Options, bytes]:
        """Return the options and the payload of the next message."""
        size = 16 << self.szx
        if self.wanted is not None:
            wanted = (Option.BLOCK2, blockwise.build(self.wanted))
            # what FETCH asks for is in its body: a peer may have kept nothing of it
            repeated = self.code == Code.FETCH and len(self.body) <= size
            return (*self.options, wanted), self.body if repeated else b""
        if len(self.body) <= size:
            return self.options, self.body
        end = self.offset + size
        block = Block(self.offset // size, end < len(self.body), self.szx)
        options = (*self.options, (Option.BLOCK1, blockwise.build(block)))
        if self.offset == 0:
            length = blockwise.size_option(len(self.body))
            options = (*options, (Option.SIZE1, length))
        return options, self.body[self.offset : end]

    def hear(self, message: Message) -> Message | Turn:
        """Take a response; return it with its whole body when it is the last one.

        Raises InvalidMessage where the peer breaks the rules.
        """
        if self.wanted is None:
            turn = self._hear_of_body(message)
            if turn is not None:
                return turn
        block = self._block(message, Option.BLOCK2)
        if block is not None and self._is_stale(message, block):
            return Turn.STALE
        if self.head is None:
            return self._begin(message, block)
        if block is None or not self._continues(self.head, message, block):
            return self._begin_again(message)
        return self._collect(self.head, message, block)

    def resume(self, message: Message) -> Message | Turn:
        """Take a response to what others have said, however far they had come.

        One that does not say which block of our body it is about is about the last; of
        the peer's body nothing is kept. Raises InvalidMessage like `hear`.
        """
        asked = self._block(message, Option.BLOCK1)
        block = self._block(message, Option.BLOCK2)
        if block is not None and block.offset:
            return self._begin_again(message)
        if asked is None:
            size = 16 << self.szx
            self.offset = max(0, len(self.body) - 1) // size * size
        elif asked.number:
            self.offset, self.szx = asked.offset, min(self.szx, asked.szx)
        return self.hear(message)

    def renew(self, notification: Message) -> Message | Turn:
        """Take a newer value of what is observed; nothing of the older one is kept.

        Raises InvalidMessage like `hear`.
        """
        self._forget()
        self.begun_again = False
        self.observed = notification
        return self._begin(notification, self._block(notification, Option.BLOCK2))

    def end(self) -> None:
        """Let go of all that it keeps."""
        self.body, self.head, self.observed = b"", None, None
        self.heard.clear()

    def _hear_of_body(self, message: Message) -> Turn | None:
        """Take what is said of a block of the body; None when that was the last."""
        size = 16 << self.szx
        asked = self._block(message, Option.BLOCK1)
        number, last = self.offset // size, self.offset + size >= len(self.body)
        if asked is not None and asked.number != number and message.type != Type.ACK:
            return Turn.STALE
        match message.code:
            case Code.CONTINUE if last:
                raise InvalidMessage("was asked to go on after its last block")
            case code if code >> 5 == _SUCCESS and not last:
                # a peer may act on each block by itself (RFC 7959 §2.3)
                self.offset += size
                if asked is not None:
                    self.szx = min(self.szx, asked.szx)
            case Code.REQUEST_ENTITY_TOO_LARGE if asked and asked.szx < self.szx:
                self.offset, self.szx = 0, asked.szx
            case Code.REQUEST_ENTITY_INCOMPLETE if self.offset and not self.begun_again:
                self.offset, self.begun_again = 0, True
            case _:
                return None
        return Turn.NEXT

    def _is_stale(self, message: Message, block: Block) -> bool:
        """Say whether a separate response is one to what was asked before."""
        if message.type == Type.ACK:
            return False
        return block.offset < len(self.heard) or (not self.heard and block.offset > 0)

    def _begin(self, message: Message, block: Block | None) -> Message | Turn:
        """Take the first block of a response."""
        if block is None:
            self._check_length(message, len(message.payload))
            return self._whole(message, message.payload)
        if block.offset:
            raise InvalidMessage("was answered with a block out of order")
        asked = any(number == Option.OBSERVE for number, _ in self.options)
        if asked and message.value(Option.OBSERVE) is not None:
            self.observed = message
        # only its first block tells that something is observed (RFC 7959 §2.6)
        self.options = _without(self.options, Option.OBSERVE)
        self.head = message
        return self._collect(message, message, block)

    def _collect(self, head: Message, message: Message, block: Block) -> Message | Turn:
        if not block.fits(message.payload):
            raise InvalidMessage("was answered with a block of a wrong size")
        length = len(self.heard) + len(message.payload)
        self._check_length(message, length)
        self.heard += message.payload
        if not block.more:
            return self._whole(head, bytes(self.heard))
        self.wanted = Block(length // block.size, more=False, szx=block.szx)
        return Turn.NEXT

    def _check_length(self, message: Message, length: int) -> None:
        announced = message.number(Option.SIZE2) or 0
        if max(length, announced) > self.largest:
            raise InvalidMessage("was answered with a body that is too large")

    def _continues(self, head: Message, message: Message, block: Block) -> bool:
        """Say whether a block belongs to the same representation (RFC 7959 §2.4)."""
        return (
            message.code == head.code
            and message.value(Option.ETAG) == head.value(Option.ETAG)
            and message.content_format == head.content_format
            and block.offset == len(self.heard)
        )

    def _begin_again(self, message: Message) -> Message | Turn:
        """Read a body once more that has changed on the way, unless that was before."""
        if self.code in _SAFE and not self.begun_again:
            self._forget()
            self.begun_again = True
            return Turn.NEXT
        if message.code >> 5 > _SUCCESS:
            return self._whole(message, message.payload)
        raise InvalidMessage("was answered with blocks that do not belong together")

    def _forget(self) -> None:
        self.head = self.wanted = None
        self.heard.clear()
        self.offset = 0

    def _whole(self, head: Message, body: bytes) -> Message:
        """Return a response with its whole body; what is observed keeps its number."""
        options = _without(head.options, *_OF_BLOCKS)
        observed = self.observed
        if observed is None or head is observed or head.code >> 5 > _SUCCESS:
            return replace(head, options=options, payload=body)
        number = observed.value(Option.OBSERVE) or b""
        told = (*_without(options, Option.OBSERVE), (Option.OBSERVE, number))
        ordered = tuple(sorted(told, key=lambda each: each[0]))
        return replace(observed, code=head.code, options=ordered, payload=body)

    def _block(self, message: Message, option: int) -> Block | None:
        value = message.value(option)
        if value is None:
            return None
        return blockwise.parse(value, largest=self.largest_szx)


def _without(options: Options, *numbers: int) -> Options:
    return tuple(each for each in options if each[0] not in numbers)
