"""Hearing what comes of a command, without the channel of its API key.

A key has one channel, which an application may have. So a command is told by a named
consumer of its own, which is there while the command runs. What was left behind by
commands that were killed, the next one removes.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from homeport.client import AsyncClient, NotFound, ServerFault, TooManyCalls
from homeport.client.notifications import Message
from homeport.errors import HomeportError, Unavailable
from homeport.events.facts import FactName

PREFIX = "homeport-command-"
FORGOTTEN = timedelta(hours=1)
"""After this time a consumer that nobody reads for is taken to be left behind."""
AGAIN_SECONDS = 1.0

_FEW = 5
_BEFORE = PREFIX[:-1]
"""Stands right before all consumers of commands in the order of names."""


@asynccontextmanager
async def hearing(
    client: AsyncClient, device: str, *facts: FactName, path: str = ""
) -> AsyncIterator[AsyncIterator[Message]]:
    """Entered: facts of a device are heard from now on, those of a path if given.

    Yields the messages about them. Raises what the API has to complain about.
    """
    name = PREFIX + secrets.token_hex(8)
    await _clear_up(client)
    paths = [path] if path else []
    await client.consumers.put(name, facts=facts, devices=[device], paths=paths)
    try:
        async with aclosing(_messages(client, name)) as messages:
            yield messages
    finally:
        with suppress(HomeportError):  # it is removed later
            await client.consumers.delete(name)


async def _messages(client: AsyncClient, name: str) -> AsyncGenerator[Message, None]:
    """Yield messages, also when the API is away for a while."""
    last = ""
    while True:
        with suppress(Unavailable, ServerFault, TooManyCalls):
            async with client.follow(name, form="notification", after=last) as events:
                async for event in events:
                    last = event.id
                    yield event.message
        await asyncio.sleep(AGAIN_SECONDS)


async def _clear_up(client: AsyncClient) -> None:
    """Remove what commands have left behind."""
    now = datetime.now(UTC)
    async for each in client.consumers.list(after=_BEFORE, limit=_FEW):
        if not each.name.startswith(PREFIX):
            return
        if not each.connected and now - each.created_at > FORGOTTEN:
            with suppress(NotFound):  # another command was faster
                await client.consumers.delete(each.name)
