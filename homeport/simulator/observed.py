"""What a server observes of a simulated device, and what that tells of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Option, Type
from homeport.protocol import paths
from homeport.protocol.paths import Path
from homeport.simulator import answering
from homeport.simulator.objects import Objects

MOST = 64
_END = b"\x01"


@dataclass(slots=True)
class Observation:
    """Something that is observed, and how it was told last."""

    path: Path
    accept: int | None
    told: bytes = b""
    message_id: int = -1


class Observed:
    """The observations of one device, by their tokens (RFC 7641)."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._observations: dict[bytes, Observation] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._observations)

    def clear(self) -> None:
        """Observe nothing any more: the registration is another (OBS-7)."""
        self._observations.clear()

    def begin(self, token: bytes, path: Path) -> None:
        """Observe a path unasked; its value now is told first."""
        self._observations[token] = Observation(path, None)

    def answered(self, request: Message, answer: Answer) -> Answer:
        """Begin or end an observation, if that is asked for; return what is said."""
        observe = request.value(Option.OBSERVE)
        if observe is None or request.code != Code.GET:
            return answer
        self._observations.pop(request.token, None)
        if (
            observe == _END
            or answer.code != Code.CONTENT
            or len(self._observations) >= MOST
        ):
            return answer
        path = paths.parse("/" + "/".join(request.path))
        accept = request.number(Option.ACCEPT)
        self._observations[request.token] = Observation(path, accept, answer.payload)
        return Answer(
            answer.code, (self._next(), *answer.options), answer.payload, answer.keep
        )

    def notifications(self, new_message_id: Callable[[], int]) -> Iterator[Message]:
        """Yield what has changed since it was told, as confirmable messages."""
        for token, observation in list(self._observations.items()):
            now = answering.read(self._objects, observation.path, observation.accept)
            if now.payload == observation.told and now.code == Code.CONTENT:
                continue
            observation.told = now.payload
            observation.message_id = new_message_id()
            options = now.options
            if now.code == Code.CONTENT:
                options = (self._next(), *options)
            else:
                del self._observations[token]
            yield Message(
                Type.CON,
                now.code,
                observation.message_id,
                token,
                options,
                now.payload,
            )

    def reset(self, message_id: int) -> None:
        """End the observation whose last notification was not wanted."""
        for token, observation in list(self._observations.items()):
            if observation.message_id == message_id:
                del self._observations[token]

    def _next(self) -> tuple[int, bytes]:
        """Count up, for all observations of the device together (OBS-1)."""
        self._number = self._number % 0xFFFFFF + 1
        number = self._number
        return Option.OBSERVE, number.to_bytes((number.bit_length() + 7) // 8, "big")
