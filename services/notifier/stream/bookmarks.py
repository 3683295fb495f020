"""Where owners have come to, written down a little later, and for all at once.

A process that dies before that has its last half second delivered once more.
"""

import asyncio
from contextlib import suppress

from homeport.errors import Unavailable
from services.notifier import observability
from services.notifier.stream.cursors import Cursors

WRITE_SECONDS = 0.5


class Bookmarks:
    """Places that are not written down yet, one for each owner."""

    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors
        self._places: dict[str, int] = {}
        self._one = asyncio.Lock()

    def put(self, owner: str, place: int) -> None:
        """Say that an owner has come to a place."""
        self._places[owner] = place

    async def flush(self) -> None:
        """Return once all is written down; raise Unavailable, and keep it then.

        Whoever is cancelled meanwhile is so when it is written: another replica may
        begin from there as soon as this one has ended.
        """
        writing = asyncio.create_task(self._write())
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            with suppress(Unavailable):
                await writing
            raise

    async def keep(self) -> None:
        """Write down what is new, for ever; while PostgreSQL is away, wait."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                await self.flush()
            except Unavailable as error:
                observability.record_bookmarks_wait(str(error))

    async def _write(self) -> None:
        async with self._one:
            places, self._places = self._places, {}
            if not places:
                return
            try:
                await self._cursors.advance(places)
            except BaseException:
                self._places = places | self._places
                raise
