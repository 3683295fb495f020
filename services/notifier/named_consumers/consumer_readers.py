"""Reading for a named consumer: one reader at a time, the newest.

The seat in PostgreSQL says which one that is. Who takes it tells whoever sat there
before, over NATS; one that does not hear it looks at the seat every few seconds. So
nobody waits for a lease to end.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient
from services.notifier.channels.messages import Taken
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.named_consumers.named_consumers import NamedConsumer
from services.notifier.stream.inbox import Inbox, Sources
from services.notifier.stream.jetstream import ANSWER_SECONDS, reported

_NOBODY = b"nobody"
_HERE = b"here"


class Reader:
    """The events of a consumer's account from a place on, in the order of the stream.

    ``place`` is that of the last one that came, ``identity`` is hex.
    """

    def __init__(self, nats: BusClient, inbox: Inbox, *, place: int) -> None:
        self.identity = uuid.uuid4().hex
        self.place = place
        self._nats = nats
        self._inbox = inbox
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answering: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many events it has before it."""
        return self._inbox.waiting

    async def take(self, seconds: float) -> list[Taken] | None:
        """Wait for events; nothing if none came for a while, None once it is over.

        It is over when another reader has come, or the consumer was changed. Raises
        Unavailable when NATS is away.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while not self._over.done():
            if waking := await self._inbox.rest():
                await asyncio.wait(
                    [waking, self._over],
                    timeout=max(0.0, until - clock()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
            batch = [] if self._over.done() else await self._inbox.take()
            if batch:
                self.place = batch[-1].sequence
                return batch
            if clock() >= until:
                return []
        return None

    def hear(self, message: Msg) -> None:
        """Hear who reads now, or answer who asks."""
        if message.reply:
            self._answering = asyncio.create_task(self._answer(message.reply))
        elif message.data != self.identity.encode() and not self._over.done():
            self._over.set_result(None)

    async def _answer(self, reply: str) -> None:
        with suppress(NatsError):
            await self._nats.publish(reply, _HERE)


class Readers:
    """Lets readers come, and ends those whose time is over."""

    def __init__(self, sources: Sources, stored: ConsumerStore) -> None:
        self._sources = sources
        self._stored = stored

    @asynccontextmanager
    async def open(
        self, consumer: NamedConsumer, *, place: int
    ) -> AsyncIterator[Reader | None]:
        """Read for a consumer what comes after a place; whoever does so now ends.

        There is no reader where the consumer has just been removed. Raises Unavailable
        when NATS or PostgreSQL is away.
        """
        nats, filters = (
            self._sources.nats,
            consumer.selection.subjects(consumer.account),
        )
        inbox = Inbox(
            self._sources, consumer.id, consumer.account, place, filters=filters
        )
        reader = Reader(nats, inbox, place=place)
        with reported():
            ear = await nats.listen(subjects.reader(consumer.id), reader.hear)
        try:
            before = await self._stored.seat(consumer, reader.identity)
            if before:
                await self._tell(consumer.id, reader.identity.encode())
            yield None if before is None else reader
        finally:
            await nats.forget(ear)
            await inbox.release()
            with suppress(Unavailable):
                await self._stored.leave(consumer, reader.identity)

    async def end(self, consumer_id: str) -> None:
        """End whoever reads for a consumer, wherever that is; raise Unavailable."""
        await self._tell(consumer_id, _NOBODY)

    async def is_there(self, consumer: NamedConsumer) -> bool:
        """Say whether somebody reads for a consumer just now; raise Unavailable."""
        if not consumer.reader:
            return False
        with reported():
            try:
                await self._sources.nats.request(
                    subjects.reader(consumer.id), timeout=ANSWER_SECONDS
                )
            except NoRespondersError:
                return False
        return True

    async def is_newest(self, consumer: NamedConsumer, reader: Reader) -> bool:
        """Say whether nobody has come since, and the consumer is as it was."""
        found = await self._stored.get(consumer.account, consumer.name)
        return found is not None and found.reader == reader.identity

    async def _tell(self, consumer_id: str, newest: bytes) -> None:
        with reported():
            await self._sources.nats.publish(subjects.reader(consumer_id), newest)
