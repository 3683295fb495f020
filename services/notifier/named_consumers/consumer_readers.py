"""Reading for a named consumer: one reader at a time, the newest.

A reader has its own consumer in JetStream, which acknowledges nothing and which the
server forgets soon after the reader has died. Who comes makes its own first, takes the
seat in PostgreSQL, and deletes the one of whoever sat there before: whatever happens in
between, exactly one goes on, and nobody waits for a lease to end.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from homeport.errors import Unavailable
from homeport.events import subjects
from services.notifier.channels.messages import Taken
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.named_consumers.named_consumers import NamedConsumer
from services.notifier.stream.jetstream import (
    ANSWER_SECONDS,
    mark,
    reported,
    taken,
)

BATCH = 200
BATCH_BYTES = 4 * 2**20
"""What a reader holds of events at most; a single one may be 1.4 MB."""
LINGER_SECONDS = 0.01
"""How long a batch may wait to fill, and so the most it adds to a single event."""
ALIVE_SECONDS = 5.0
"""How often the server says that it is there; twice as long it may be silent."""
ABANDONED_SECONDS = 30.0
"""After this time the server forgets a reader that has died."""

_ALIVE, _DELETED = "100", "Consumer Deleted"


class Reader:
    """The events of a consumer from a place on, in the order of the stream.

    ``waiting`` is how many the stream had beyond the last one that came.
    """

    def __init__(
        self, nats: Client, durable: str, *, identity: str, place: int
    ) -> None:
        self.identity = identity
        self.place = place
        self.waiting = 0
        self._nats = nats
        self._asked_at = f"$JS.API.CONSUMER.MSG.NEXT.{subjects.STREAM}.{durable}"
        self._inbox = nats.new_inbox()
        self._came: list[Msg] = []
        self._owed = 0
        self._alive_until = 0.0
        self._over = False
        self._heard = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Let events come while this is entered; raise Unavailable."""
        with reported():
            inbox = await self._nats.subscribe(self._inbox, cb=self._hear)
        try:
            yield
        finally:
            if not self._nats.is_closed:
                await inbox.unsubscribe()

    async def take(self, seconds: float) -> list[Taken] | None:
        """Wait for events; nothing if none came for a while, None once it is over.

        It is over when another reader has come, or the consumer was changed. Raises
        Unavailable when NATS is away.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._came and not self._over and loop.time() < end:
            if not self._owed:
                await self._ask()
            await self._hear_something(end)
        if not self._came:
            return None if self._over else []
        if len(self._came) < BATCH:
            await asyncio.sleep(LINGER_SECONDS)
        came, self._came = self._came, []
        marks = [mark(message) for message in came]
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

    async def _hear_something(self, end: float) -> None:
        self._heard.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(min(end, self._alive_until)):
                await self._heard.wait()
        if not self._heard.is_set() and self._silent():
            raise Unavailable("NATS", "has been silent")

    async def _hear(self, message: Msg) -> None:
        self._note_alive()
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._came.append(message)
            self._owed -= 1
        elif status != _ALIVE:
            self._owed = 0
            self._over |= headers.get("Description") == _DELETED or status == "503"
        if status != _ALIVE:
            self._heard.set()

    def _note_alive(self) -> None:
        self._alive_until = asyncio.get_running_loop().time() + 2 * ALIVE_SECONDS

    def _silent(self) -> bool:
        return asyncio.get_running_loop().time() >= self._alive_until


class Readers:
    """Lets readers come, and ends those whose time is over."""

    def __init__(self, nats: Client, stored: ConsumerStore) -> None:
        self._nats = nats
        self._stored = stored

    @asynccontextmanager
    async def open(
        self, consumer: NamedConsumer, *, place: int
    ) -> AsyncIterator[Reader | None]:
        """Read for a consumer what comes after a place; whoever does so now ends.

        There is no reader where the consumer has just been removed. Raises Unavailable
        when NATS or PostgreSQL is away.
        """
        identity = uuid.uuid4().hex
        durable = subjects.reader_durable(consumer.id, identity)
        try:
            await self._make(durable, consumer, place)
            before = await self._stored.seat(consumer, identity)
            if before:
                await self.end(consumer.id, before)
            if before is None:
                yield None
                return
            reader = Reader(self._nats, durable, identity=identity, place=place)
            async with reader.listening():
                yield reader
        finally:
            with suppress(Unavailable):
                await self.end(consumer.id, identity)
                await self._stored.leave(consumer, identity)

    async def end(self, consumer_id: str, reader: str) -> None:
        """End a reader, wherever it is; '' stands for none. Raises Unavailable."""
        if not reader:
            return
        jetstream = self._nats.jetstream(timeout=ANSWER_SECONDS)
        durable = subjects.reader_durable(consumer_id, reader)
        with reported(), suppress(NotFoundError):
            await jetstream.delete_consumer(subjects.STREAM, durable)

    async def is_there(self, consumer: NamedConsumer) -> bool:
        """Say whether somebody reads for a consumer just now; raise Unavailable."""
        if not consumer.reader:
            return False
        jetstream = self._nats.jetstream(timeout=ANSWER_SECONDS)
        durable = subjects.reader_durable(consumer.id, consumer.reader)
        with reported():
            try:
                await jetstream.consumer_info(subjects.STREAM, durable)
            except NotFoundError:
                return False
        return True

    async def is_newest(self, consumer: NamedConsumer, reader: Reader) -> bool:
        """Say whether nobody has come since, and the consumer is as it was."""
        found = await self._stored.get(consumer.account, consumer.name)
        return found is not None and found.reader == reader.identity

    async def _make(self, durable: str, consumer: NamedConsumer, place: int) -> None:
        jetstream = self._nats.jetstream(timeout=ANSWER_SECONDS)
        with reported():
            await jetstream.add_consumer(
                subjects.STREAM,
                ConsumerConfig(
                    durable_name=durable,
                    filter_subjects=consumer.selection.subjects(consumer.account),
                    deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                    opt_start_seq=place + 1,
                    ack_policy=AckPolicy.NONE,
                    mem_storage=True,
                    num_replicas=1,
                    inactive_threshold=ABANDONED_SECONDS,
                ),
            )
