"""Reading for a named consumer: one reader at a time, the newest.

Who comes opens a reader first, takes the seat in PostgreSQL, and ends the reader of
whoever sat there before: whatever happens in between, exactly one goes on, and nobody
waits for a lease to end.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from homeport.errors import Unavailable
from homeport.events.client import BusClient
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.named_consumers.named_consumers import NamedConsumer
from services.notifier.stream import readers
from services.notifier.stream.readers import Reader


class Readers:
    """Lets readers come, and ends those whose time is over."""

    def __init__(self, nats: BusClient, stored: ConsumerStore) -> None:
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
        reader = Reader(self._nats, consumer.id, place=place)
        try:
            await reader.open(consumer.selection.subjects(consumer.account))
            before = await self._stored.seat(consumer, reader.identity)
            if before:
                await self.end(consumer.id, before)
            yield None if before is None else reader
        finally:
            await reader.close()
            with suppress(Unavailable):
                await self._stored.leave(consumer, reader.identity)

    async def end(self, consumer_id: str, reader: str) -> None:
        """End a reader, wherever it is; '' stands for none. Raises Unavailable."""
        await readers.end(self._nats, consumer_id, reader)

    async def is_there(self, consumer: NamedConsumer) -> bool:
        """Say whether somebody reads for a consumer just now; raise Unavailable."""
        return await readers.is_there(self._nats, consumer.id, consumer.reader)

    async def is_newest(self, consumer: NamedConsumer, reader: Reader) -> bool:
        """Say whether nobody has come since, and the consumer is as it was."""
        found = await self._stored.get(consumer.account, consumer.name)
        return found is not None and found.reader == reader.identity
