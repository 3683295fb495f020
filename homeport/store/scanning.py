"""Looking at all keys of a kind, without holding up anybody else."""

from collections.abc import AsyncIterator

from homeport.store.connection import Connection, reaching

BATCH = 500


async def scan(connection: Connection, pattern: str) -> AsyncIterator[list[str]]:
    """Yield the keys that a pattern matches, some at a time; raise Unavailable.

    All that are there from the beginning to the end are among them, perhaps twice.
    """
    found: list[str] = []
    with reaching():
        async for key in connection.scan_iter(match=pattern, count=BATCH):
            found.append(key.decode())
            if len(found) == BATCH:
                yield found
                found = []
    if found:
        yield found
