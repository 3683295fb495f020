"""Server-Sent Events, as a client reads them (HTML Living Standard §9.2).

Bytes in, events out; nothing here talks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from homeport.client import notifications
from homeport.client.errors import InvalidAnswer
from homeport.client.notifications import Message

Form = Literal["fact", "notification"]
"""What stands in an event: what happened, or a notification message about it."""
Confirm = Literal["call", "sent"]
"""When an event counts as taken."""

MEDIA_TYPE = "text/event-stream"
LARGEST = 64 * 2**20
"""Bytes of an event, as of a message on a WebSocket."""


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened; by its ``id`` a client says that it has had it."""

    id: str
    body: bytes

    @property
    def fact(self) -> Mapping[str, Any]:
        """What has happened, as it is told on NATS; raise InvalidAnswer."""
        try:
            found: Mapping[str, Any] = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise InvalidAnswer(f"no fact: {error}") from error
        return found

    @property
    def message(self) -> Message:
        """The notification message of an event of that form; raise InvalidAnswer."""
        return notifications.parse(self.body)


class Events:
    """Makes events of the bytes of a stream."""

    def __init__(self) -> None:
        self._unread = bytearray()
        self._id = ""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Take some bytes; yield the events that they complete.

        Raises InvalidAnswer for one that has no end.
        """
        self._unread += piece
        if len(self._unread) + sum(map(len, self._data)) > LARGEST:
            raise InvalidAnswer(f"an event of more than {LARGEST} bytes")
        if b"\n" not in piece:
            return
        *lines, rest = bytes(self._unread).split(b"\n")
        self._unread[:] = rest
        for line in lines:
            event = self._take(line.removesuffix(b"\r"))
            if event is not None:
                yield event

    def _take(self, line: bytes) -> Event | None:
        if not line:
            data, self._data = self._data, []
            return Event(self._id, b"\n".join(data)) if data else None
        name, _, value = line.partition(b":")
        match name:
            case b"id":
                self._id = value.removeprefix(b" ").decode(errors="replace")
            case b"data":
                self._data.append(value.removeprefix(b" "))
        return None
