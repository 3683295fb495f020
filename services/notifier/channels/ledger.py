"""What must outlive the process that serves a channel; kept in its row.

All methods raise Unavailable when PostgreSQL is away.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, or_, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.runtime.database import among, reported
from services.notifier.channels.announcements import announce
from services.notifier.channels.channels import Channel, Kind
from services.notifier.channels.store import REMEMBERED
from services.notifier.schema import channels, removals, revisions
from services.notifier.transactions import changing

NOTED = timedelta(minutes=1)
"""How often it is written down that a channel is still in use."""

_SERVED = text("""
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) | objid::bigint = notifier.channel_lock(:key)
    )
""")


class Ledger:
    """How it goes with the channels."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def failing(self, channel: Channel, since: datetime) -> None:
        """Remember since when a channel has failed; the earliest time is kept."""
        async with changing(self._engine) as connection:
            await connection.execute(
                update(channels)
                .where(_unchanged(channel), channels.c.failing_since.is_(None))
                .values(failing_since=since)
            )

    async def recovered(self, channel: Channel) -> None:
        """Forget that a channel has failed."""
        async with changing(self._engine) as connection:
            await connection.execute(
                update(channels).where(_unchanged(channel)).values(failing_since=None)
            )

    async def give_up(self, channel: Channel) -> None:
        """Remove a channel, unless its caller has set it again."""
        async with changing(self._engine) as connection:
            await connection.execute(delete(channels).where(_unchanged(channel)))
            await announce(connection, channel.kind, channel.key_id)

    async def seat(self, key_id: str, socket: str) -> bool:
        """Give a WebSocket channel to a new socket; False where there is none."""
        async with changing(self._engine) as connection:
            seated = await connection.execute(
                update(channels)
                .where(channels.c.key_id == key_id, channels.c.kind == Kind.WEB_SOCKET)
                .values(
                    socket=socket, used_at=func.now(), revision=revisions.next_value()
                )
            )
        return seated.rowcount > 0

    async def leave(self, key_id: str, socket: str) -> None:
        """Remember that a socket has closed, unless another one is newer."""
        async with changing(self._engine) as connection:
            await connection.execute(
                update(channels)
                .where(channels.c.key_id == key_id, channels.c.socket == socket)
                .values(socket="", used_at=func.now())
            )
            await announce(connection, Kind.WEB_SOCKET, key_id)

    async def tell(self, key_id: str) -> None:
        """Announce that a WebSocket channel has another socket."""
        async with changing(self._engine) as connection:
            await announce(connection, Kind.WEB_SOCKET, key_id)

    async def used(self, key_ids: Collection[str]) -> None:
        """Remember that channels are in use."""
        async with changing(self._engine) as connection:
            await connection.execute(
                update(channels)
                .where(
                    among(channels.c.key_id, key_ids),
                    channels.c.used_at < func.now() - NOTED,
                )
                .values(used_at=func.now())
            )

    async def polled(self, key_id: str, receipt: str) -> bool:
        """Remember that a channel was polled, and the place that its answer came to.

        False where there is none any more.
        """
        async with changing(self._engine) as connection:
            noted = await connection.execute(
                update(channels)
                .where(
                    channels.c.key_id == key_id, channels.c.kind == Kind.LONG_POLLING
                )
                .values(receipt=receipt, used_at=func.now())
            )
        return noted.rowcount > 0

    async def is_served(self, key_id: str) -> bool:
        """Say whether some living replica serves a channel just now."""
        with reported():
            async with self._engine.connect() as connection:
                found = await connection.execute(
                    _SERVED.bindparams(bindparam("key", key_id))
                )
        return bool(found.scalar_one())

    async def expire(self, *, polls: timedelta, sockets: timedelta) -> None:
        """Remove channels that nobody has used for so long; repeating is harmless."""
        idle = or_(
            _idle(Kind.LONG_POLLING, polls),
            _idle(Kind.WEB_SOCKET, sockets),
        )
        async with changing(self._engine) as connection:
            await connection.execute(delete(channels).where(idle))
            await connection.execute(
                delete(removals).where(removals.c.removed_at < func.now() - REMEMBERED)
            )


def _unchanged(channel: Channel) -> ColumnElement[bool]:
    return and_(
        channels.c.key_id == channel.key_id, channels.c.revision == channel.revision
    )


def _idle(kind: Kind, seconds: timedelta) -> ColumnElement[bool]:
    return and_(channels.c.kind == kind, channels.c.used_at < func.now() - seconds)
