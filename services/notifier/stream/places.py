"""Places in the stream: where it begins and ends, and what comes after one of them.

A place is the stream's sequence number of an event. All methods raise Unavailable when
NATS is away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from homeport.errors import Unavailable
from homeport.events import subjects
from services.notifier.stream.jetstream import ANSWER_SECONDS, reported

_NOT_FOUND = "404"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The places of the oldest and of the newest event.

    In an empty stream the oldest comes after the newest.
    """

    first: int
    last: int


class Places:
    """Asks the stream; nothing is left behind on the server."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self._last = 0

    async def bounds(self) -> Bounds:
        """Return what the stream holds just now."""
        with reported():
            jetstream = self._nats.jetstream(timeout=ANSWER_SECONDS)
            state = (await jetstream.stream_info(subjects.STREAM)).state
        self._last = state.last_seq
        return Bounds(max(1, state.first_seq), state.last_seq)

    async def reach(self, place: int) -> bool:
        """Say whether the stream has come to a place; one of another stream it has not.

        What is known of it is not asked again, until there is a `doubt`.
        """
        return place <= self._last or place <= (await self.bounds()).last

    def doubt(self) -> None:
        """Take the stream for another one than it was, perhaps."""
        self._last = 0

    async def waiting(self, filters: Iterable[str], *, after: int) -> int:
        """Count the events after a place whose subject is one of some."""
        return sum([await self._count(subject, after) for subject in filters])

    async def newest(self, subject: str) -> int:
        """Return the place of the newest event of a subject; 0 where there is none."""
        found = await self._get({"last_by_subj": subject})
        return int(_header(found, "Nats-Sequence")) if found else 0

    async def time(self, subject: str, *, after: int) -> datetime | None:
        """Return when the stream took a subject's next event; None where none is."""
        found = await self._get({"seq": after + 1, "next_by_subj": subject})
        if found is None:
            return None
        return datetime.fromisoformat(_header(found, "Nats-Time-Stamp"))

    async def before(self, time: datetime) -> int:
        """Return the place after which all events are that the stream took since."""
        bounds = await self.bounds()
        found = await self._get(
            {
                "start_time": time.astimezone(UTC).isoformat(),
                "next_by_subj": subjects.EVERYTHING,
            }
        )
        if found is None:
            return bounds.last
        return int(_header(found, "Nats-Sequence")) - 1

    async def _count(self, subject: str, after: int) -> int:
        found = await self._get({"seq": after + 1, "next_by_subj": subject, "batch": 1})
        return 1 + int(_header(found, "Nats-Num-Pending")) if found else 0

    async def _get(self, wanted: dict[str, Any]) -> Msg | None:
        """Read one event (JetStream, ADR-31 and its batches); None where none is."""
        with reported():
            answer = await self._nats.request(
                f"$JS.API.DIRECT.GET.{subjects.STREAM}",
                orjson.dumps(wanted),
                timeout=ANSWER_SECONDS,
            )
        status = (answer.headers or {}).get("Status")
        if status == _NOT_FOUND:
            return None
        if status is not None:
            raise Unavailable(
                "NATS", f"answered {status} when it was asked for a place"
            )
        return answer


def _header(message: Msg, name: str) -> str:
    return str((message.headers or {})[name])
