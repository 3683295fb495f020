"""The channels in PostgreSQL; every change is announced to all replicas.

All methods raise Unavailable when PostgreSQL is away.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import reported
from services.notifier.channels import Callback, Channel, Serialization
from services.notifier.schema import CHANGES, channels, revisions

CALLBACK = "callback"


class ChannelStore:
    """One channel for each API key."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, key_id: str) -> Channel | None:
        """Return a key's channel, if it has one."""
        with reported():
            async with self._engine.connect() as connection:
                query = select(channels).where(channels.c.key_id == key_id)
                row = (await connection.execute(query)).one_or_none()
        return _channel(row) if row else None

    async def all(self) -> list[Channel]:
        """Return every channel."""
        with reported():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(select(channels))).all()
        return [_channel(row) for row in rows]

    async def put(self, key_id: str, account: AccountId, callback: Callback) -> None:
        """Make a key's channel, or set it again: it has not failed then."""
        changed: dict[str, Any] = {
            "kind": CALLBACK,
            "url": callback.url,
            "headers": dict(callback.headers),
            "serialization": asdict(callback.serialization),
            "failing_since": None,
        }
        statement = (
            insert(channels)
            .values(key_id=key_id, account_id=account, **changed)
            .on_conflict_do_update(
                index_elements=[channels.c.key_id],
                set_=changed | {"revision": revisions.next_value()},
            )
        )
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(statement)
                await _announce(connection, key_id)

    async def remove(self, key_id: str) -> bool:
        """Remove a key's channel; False when it had none."""
        statement = delete(channels).where(channels.c.key_id == key_id)
        with reported():
            async with self._engine.begin() as connection:
                removed = (await connection.execute(statement)).rowcount > 0
                if removed:
                    await _announce(connection, key_id)
        return removed

    async def failing(self, channel: Channel, since: datetime) -> None:
        """Remember since when a channel has failed; the earliest time is kept."""
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(
                    update(channels)
                    .where(
                        channels.c.key_id == channel.key_id,
                        channels.c.revision == channel.revision,
                        channels.c.failing_since.is_(None),
                    )
                    .values(failing_since=since)
                )

    async def recovered(self, channel: Channel) -> None:
        """Forget that a channel has failed."""
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(
                    update(channels)
                    .where(
                        channels.c.key_id == channel.key_id,
                        channels.c.revision == channel.revision,
                    )
                    .values(failing_since=None)
                )

    async def give_up(self, channel: Channel) -> None:
        """Remove a channel, unless its caller has set it again."""
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(
                    delete(channels).where(
                        channels.c.key_id == channel.key_id,
                        channels.c.revision == channel.revision,
                    )
                )
                await _announce(connection, channel.key_id)


async def _announce(connection: AsyncConnection, key_id: str) -> None:
    await connection.execute(select(func.pg_notify(CHANGES, key_id)))


def _channel(row: Row[Any]) -> Channel:
    return Channel(
        key_id=row.key_id,
        account=AccountId(row.account_id),
        callback=Callback(row.url, row.headers, Serialization(**row.serialization)),
        revision=row.revision,
        created_at=row.created_at,
        failing_since=row.failing_since,
    )
