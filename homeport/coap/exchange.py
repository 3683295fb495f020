"""One request of ours, and its end: a reply, or a failure and its cause."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic

from homeport.coap.codec import Message
from homeport.coap.conversation import Conversation
from homeport.coap.messages import Peer


class Cause(Enum):
    """Why a request of ours came to nothing; the value says it to people."""

    UNACKNOWLEDGED = "was not answered"
    """No sign of its peer, not even an acknowledgement."""
    UNANSWERED = "was acknowledged, not answered"
    RESET = "was reset"
    LOST = "has lost its peer"
    """A connection was closed, or another edge has taken an association over."""
    MALFORMED = "was answered against the rules"
    CROWDED = "was one too many"
    """What may be under way at once is bounded."""


class State(Enum):
    """Where an exchange stands.

    ::

        SENT ──acknowledged──▶ ACKNOWLEDGED ──response──▶ OVER
          └──response, reset, nobody answers, peer lost────┘

        DOOMED ──tick──▶ OVER    it can only fail; nothing of it is ever sent

    One whose bodies are large is SENT again for each block.
    """

    SENT = auto()
    ACKNOWLEDGED = auto()
    DOOMED = auto()
    OVER = auto()


@dataclass(slots=True, eq=False)
class Exchange(Generic[Peer]):
    """A request of ours under way; each has one end.

    ``token`` tells it from the others with its peer, and what it begins to observe
    from everything else. ``asking`` is the token on the wire: another one while the
    rest of something observed is read (RFC 7959 §2.6). ``told_at`` is when what is
    observed was told last. After the next repetition ``timeout`` is waited, twice as
    long as after the last one.
    """

    address: Peer
    token: bytes
    conversation: Conversation
    asking: bytes
    told_at: float = 0.0
    message_id: int = 0
    datagram: bytes = b""
    weight: int = 0
    state: State = State.SENT
    doom: Cause = Cause.CROWDED
    deadline: float = 0.0
    timeout: float = 0.0
    attempts: int = 0

    @property
    def acknowledged(self) -> bool:
        """Whether its peer has it for sure, and the response is still to come."""
        return self.state is State.ACKNOWLEDGED

    @property
    def sent_at(self) -> float:
        """When its last message was sent, while that is not acknowledged."""
        return self.deadline - self.timeout / 2

    @property
    def repeated(self) -> int:
        """How often its last message was sent again."""
        return max(0, self.attempts - 1)


@dataclass(frozen=True, slots=True)
class Reply(Generic[Peer]):
    """The response to a request of ours, with its whole body."""

    exchange: Exchange[Peer]
    message: Message


@dataclass(frozen=True, slots=True)
class Failure(Generic[Peer]):
    """A request of ours came to nothing; ``reason`` says why to people."""

    exchange: Exchange[Peer]
    cause: Cause
    reason: str
