"""Replays of the stream from a place on, each with a consumer that lives as long.

That acknowledges nothing, is kept in the server's memory only, and is forgotten soon
after its process has died.
"""

import asyncio
import uuid
from collections.abc import Iterable
from contextlib import suppress

import orjson
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient, Ear
from services.notifier.channels.messages import Taken
from services.notifier.stream.jetstream import ANSWER_SECONDS, mark, reported, taken

BATCH = 1_000
BATCH_BYTES = 4 * 2**20
"""What a replay holds of events at most; a single one may be 1.4 MB."""
LINGER_SECONDS = 0.01
"""How long a batch may wait to fill, and so the most it adds to a single event."""
ALIVE_SECONDS = 5.0
"""How often the server says that it is there; twice as long it may be silent."""
ABANDONED_SECONDS = 30.0
"""After this time the server forgets a replay whose process has died."""

_ALIVE, _DELETED = "100", "Consumer Deleted"


class Replay:
    """The events of an owner from a place on, in the order of the stream.

    ``owner`` and ``identity`` are hex. ``waiting`` is how many the stream had beyond
    the last one that came.
    """

    def __init__(self, nats: BusClient, owner: str, *, place: int) -> None:
        self.identity = uuid.uuid4().hex
        self.place = place
        self.waiting = 0
        self._nats = nats
        self._owner = owner
        self._durable = subjects.replay_durable(owner, self.identity)
        self._asked_at = f"$JS.API.CONSUMER.MSG.NEXT.{subjects.STREAM}.{self._durable}"
        self._inbox = nats.new_inbox()
        self._ear: Ear | None = None
        self._came: list[Msg] = []
        self._number = 0
        self._wanted = 1
        self._owed = 0
        self._alive_until = 0.0
        self._over = False
        self._heard = asyncio.Event()

    async def open(self, filters: Iterable[str]) -> None:
        """Let events come whose subject is one of some; raise Unavailable."""
        wanted = ConsumerConfig(
            durable_name=self._durable,
            filter_subjects=list(filters),
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.place + 1,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=ABANDONED_SECONDS,
        )
        with reported():
            jetstream = self._nats.jetstream(timeout=ANSWER_SECONDS)
            await jetstream.add_consumer(subjects.STREAM, wanted)
            self._ear = await self._nats.listen(self._inbox, self._hear)

    async def close(self) -> None:
        """Let nothing come any more; what NATS is not told, it forgets by itself."""
        with suppress(Unavailable):
            if self._ear is not None:
                with reported():
                    await self._nats.forget(self._ear)
            await end(self._nats, self._owner, self.identity)

    async def take(self, seconds: float) -> list[Taken] | None:
        """Wait for events; nothing if none came for a while, None once it is over.

        It is over when somebody has ended it, or the server has forgotten it. Raises
        Unavailable when NATS is away, or has lost an event on the way.
        """
        clock = asyncio.get_running_loop().time
        await self._wait(1, clock() + seconds)
        if not self._came:
            return None if self._over else []
        await self._wait(BATCH, clock() + LINGER_SECONDS)
        came, self._came = self._came, []
        marks = [mark(message) for message in came]
        self._number += len(came)
        if marks[-1].number != self._number:
            raise Unavailable("NATS", "has lost an event on its way")
        self.place, self.waiting = marks[-1].place, marks[-1].waiting
        return list(map(taken, came, marks))

    async def _ask(self) -> None:
        wanted = {
            "batch": BATCH,
            "max_bytes": BATCH_BYTES,
            "expires": int(60e9),
            "idle_heartbeat": int(ALIVE_SECONDS * 1e9),
        }
        with reported():
            await self._nats.publish(
                self._asked_at, orjson.dumps(wanted), reply=self._inbox
            )
        self._owed = BATCH
        self._note_alive()

    async def _wait(self, wanted: int, until: float) -> None:
        """Wait for so many events, or for those that were asked for."""
        clock = asyncio.get_running_loop().time
        self._wanted = wanted
        while len(self._came) < wanted and not self._over and clock() < until:
            if not self._owed:
                if self._came:
                    return
                await self._ask()
            self._heard.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(until, self._alive_until)):
                    await self._heard.wait()
            if not self._heard.is_set() and clock() >= self._alive_until:
                raise Unavailable("NATS", "has been silent")

    def _hear(self, message: Msg) -> None:
        self._note_alive()
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._came.append(message)
            self._owed -= 1
        elif status != _ALIVE:
            self._owed = 0
            self._over |= headers.get("Description") == _DELETED or status == "503"
        if len(self._came) >= self._wanted or not self._owed:
            self._heard.set()

    def _note_alive(self) -> None:
        self._alive_until = asyncio.get_running_loop().time() + 2 * ALIVE_SECONDS


async def end(nats: BusClient, owner: str, replay: str) -> None:
    """End a replay, wherever it is; raise Unavailable. Repeating is harmless."""
    durable = subjects.replay_durable(owner, replay)
    with reported(), suppress(NotFoundError):
        jetstream = nats.jetstream(timeout=ANSWER_SECONDS)
        await jetstream.delete_consumer(subjects.STREAM, durable)
