"""Whether the trust view in Redis is of the time that PostgreSQL is of.

Both have a word for it, another one after every batch of changes. A Redis that comes
back from a backup, or without its newest writes, has an older word; a PostgreSQL that
was restored does not know that of Redis.
"""

import secrets

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from homeport.errors import Unavailable
from homeport.store.trust import TrustView
from services.directory.schema import trust_generation

_COLUMNS = trust_generation.c


class Generations:
    """All methods are for a turn, in which nobody else writes the view.

    They raise Unavailable. A word that Redis has and PostgreSQL could not keep is as
    good as an older one: the view is written again.
    """

    def __init__(self, view: TrustView) -> None:
        self._view = view

    async def agree(self, connection: AsyncConnection) -> bool:
        """Say whether what is in the view are all changes that were written into it."""
        word = await self._view.generation()
        return bool(word) and word == await connection.scalar(select(_COLUMNS.word))

    async def advance(self, connection: AsyncConnection) -> None:
        """Find another word, now that a batch is in the view.

        Where they do not agree they go on like that, until all of it is written again.
        """
        word, next_ = await self._view.generation(), _new()
        agreed = update(trust_generation).where(_COLUMNS.word == word)
        if (await connection.execute(agreed.values(word=next_))).rowcount:
            await self._view.put_generation(next_)

    async def begin(self, connection: AsyncConnection) -> str:
        """Find a word for the view that will be written, which Redis has until then.

        One that has been set back is lost; whoever needs it whole waits.
        """
        known = await connection.scalar(select(_COLUMNS.word))
        if known is not None and known != await self._view.generation():
            await self._view.mark_lost()
        word = _new()
        await self._view.put_generation(word)
        return word

    async def finish(self, connection: AsyncConnection, word: str) -> None:
        """Keep the word of a view that is written; Redis may have lost it meanwhile."""
        if await self._view.generation() != word:
            raise Unavailable("the trust view", "was lost while it was written")
        await connection.execute(delete(trust_generation))
        await connection.execute(insert(trust_generation).values(word=word))


def _new() -> str:
    return secrets.token_hex(16)
