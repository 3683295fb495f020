"""Changing rows: all of it or nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.runtime.database import reported


@asynccontextmanager
async def changing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Begin what is committed when this is left; raise Unavailable."""
    with reported():
        async with engine.begin() as connection:
            yield connection
