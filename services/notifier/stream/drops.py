"""What left the stream before it was taken: the oldest events, by age or size (R-126).

There is no other bound on what waits for a channel or a consumer. Nobody who has to
read is slowed down by counting: a look counts what waits, and the next one what of it
is still there. So an owner that moves between two looks may have lost more than is
counted, and never less.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from services.notifier import observability
from services.notifier.stream.cursors import Cursor, Cursors
from services.notifier.stream.places import Bounds


class Stream(Protocol):
    """What is asked of the stream; both methods raise Unavailable."""

    async def bounds(self) -> Bounds:
        """Return the places of the oldest and the newest event."""

    async def waiting(self, filters: Collection[str], *, after: int) -> int:
        """Count the events after a place whose subject is one of some."""


async def look(cursor: Cursor, filters: Collection[str], stream: Stream) -> Cursor:
    """Return what has become of a cursor; raise Unavailable.

    One for which nothing waits comes to the newest event, so that it is never behind
    the oldest. One that is ahead of the stream is of another: there it begins anew.
    """
    bounds = await stream.bounds()
    gone = bounds.first - 1
    if cursor.place > bounds.last:
        cursor = replace(cursor, place=gone, looked=gone, waiting=0)
    dropped = cursor.dropped
    place = max(cursor.place, gone)
    # Events come meanwhile. In this order each count errs to fewer dropped ones.
    came = await stream.waiting(filters, after=max(cursor.looked, gone))
    waiting = await stream.waiting(filters, after=place)
    if cursor.place < gone:
        dropped += max(0, cursor.waiting - (waiting - came))
    if waiting == 0:
        place = bounds.last
    else:
        waiting -= await stream.waiting(filters, after=bounds.last)
    return replace(
        cursor,
        place=place,
        looked=bounds.last,
        waiting=max(0, waiting),
        dropped=dropped,
    )


async def take_stock(
    cursor: Cursor, filters: Collection[str], stream: Stream, cursors: Cursors
) -> Cursor:
    """Look, and keep what has become of a cursor; raise Unavailable."""
    found = await look(cursor, filters, stream)
    if await cursors.note(cursor, found) and found.dropped > cursor.dropped:
        observability.record_dropped(
            cursor.owner, cursor.account, found.dropped - cursor.dropped
        )
    return found
