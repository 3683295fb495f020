"""The channels in PostgreSQL; every change is announced to those who serve them.

All methods raise Unavailable when PostgreSQL is away.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.keyring import Keyring
from homeport.names import AccountId
from homeport.runtime.database import among, reported
from services.notifier import observability
from services.notifier.channels import signing_secrets
from services.notifier.channels.announcements import announce
from services.notifier.channels.channels import (
    KINDS,
    Callback,
    Channel,
    Kind,
    LongPoll,
    Serialization,
    Way,
    WebSocket,
)
from services.notifier.schema import channels, removals, revisions
from services.notifier.transactions import changing

REMEMBERED = timedelta(minutes=2)
"""How long a deleted long poll channel is said to be deleted (R-112)."""

_NONE: Mapping[str, str] = {}
"""The headers of callbacks that have none: there are many."""

_MADE: ColumnElement[bool] = literal_column("xmax = 0")
"""Whether a row was inserted, where it could have been updated."""


class ChannelStore:
    """One channel for each API key."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring

    async def get(self, key_id: str) -> Channel | None:
        """Return a key's channel, if it has one."""
        found = await self._all(select(channels).where(channels.c.key_id == key_id))
        return found[0] if found else None

    async def states(
        self, kind: Kind, key_ids: Collection[str] | None = None
    ) -> dict[str, tuple[int, datetime | None]]:
        """Return what changes with channels of a kind: revision, failing since.

        They are all of them, or those of some keys.
        """
        query = select(
            channels.c.key_id, channels.c.revision, channels.c.failing_since
        ).where(channels.c.kind == kind)
        if key_ids is not None:
            query = query.where(among(channels.c.key_id, key_ids))
        with reported():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).all()
        return {key_id: (revision, since) for key_id, revision, since in rows}

    async def of_keys(self, key_ids: Collection[str]) -> list[Channel]:
        """Return the channels of some keys."""
        return await self._all(
            select(channels).where(among(channels.c.key_id, key_ids))
        )

    async def keys(self) -> frozenset[str]:
        """Return the ids of all keys that have a channel."""
        with reported():
            async with self._engine.connect() as connection:
                found = await connection.execute(select(channels.c.key_id))
                return frozenset(found.scalars())

    async def put(
        self, key_id: str, account: AccountId, way: Way, serialization: Serialization
    ) -> bool:
        """Make a key's channel, or set it again: it has not failed then.

        Returns whether there was none. Raises InvalidParameter where the key has a
        channel of another kind.
        """
        kind = KINDS[type(way)]
        callback = way if isinstance(way, Callback) else Callback("")
        changed: dict[str, Any] = {
            "url": callback.url,
            "headers": dict(callback.headers),
            "signing_secret": "",
            "sealed_secret": signing_secrets.seal(
                self._keyring, key_id, callback.signing_secret
            ),
            "serialization": asdict(serialization),
            "used_at": func.now(),
            "failing_since": None,
        }
        kept = {"kind": kind, "account_id": account, "socket": "", "receipt": ""}
        statement = (
            insert(channels)
            .values(key_id=key_id, **kept, **changed)
            .on_conflict_do_update(
                index_elements=[channels.c.key_id],
                set_=changed | {"revision": revisions.next_value()},
                where=channels.c.kind == kind,
            )
            .returning(_MADE)
        )
        async with changing(self._engine) as connection:
            made = (await connection.execute(statement)).scalar_one_or_none()
            if made is None:
                raise InvalidParameter("channel", f"is there, and no {kind}")
            await announce(connection, kind, key_id)
        return bool(made)

    async def remove(self, key_id: str, kind: Kind) -> bool:
        """Remove a key's channel; False when it had none of this kind."""
        statement = delete(channels).where(
            channels.c.key_id == key_id, channels.c.kind == kind
        )
        async with changing(self._engine) as connection:
            removed = (await connection.execute(statement)).rowcount > 0
            if removed:
                await announce(connection, kind, key_id)
            if removed and kind is Kind.LONG_POLLING:
                now = {"removed_at": func.now()}
                await connection.execute(
                    insert(removals)
                    .values(key_id=key_id, **now)
                    .on_conflict_do_update(index_elements=["key_id"], set_=now)
                )
        return removed

    async def removed_lately(self, key_id: str) -> bool:
        """Say whether a key's long poll channel has just been deleted."""
        query = select(removals.c.key_id).where(
            removals.c.key_id == key_id,
            removals.c.removed_at > func.now() - REMEMBERED,
        )
        with reported():
            async with self._engine.connect() as connection:
                return (await connection.execute(query)).first() is not None

    async def _all(self, query: Select[Any]) -> list[Channel]:
        with reported():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).all()
        found = [self._channel(row) for row in rows]
        return [channel for channel in found if channel is not None]

    def _channel(self, row: Row[Any]) -> Channel | None:
        """Read a channel; one whose secret cannot be opened cannot be served."""
        try:
            secret = signing_secrets.open_sealed(self._keyring, row)
        except InvalidFormat as error:
            observability.record_unopened(row.key_id, error)
            return None
        return _channel(row, secret)


def _channel(row: Row[Any], signing_secret: str) -> Channel:
    return Channel(
        key_id=row.key_id,
        account=AccountId(row.account_id),
        way=_way(row, signing_secret),
        serialization=_serialization(*row.serialization.items()),
        revision=row.revision,
        created_at=row.created_at,
        failing_since=row.failing_since,
    )


@lru_cache(maxsize=64)
def _serialization(*given: tuple[str, Any]) -> Serialization:
    """Return the form of messages; channels of the same form share it."""
    return Serialization(**dict(given))


def _way(row: Row[Any], signing_secret: str) -> Way:
    match Kind(row.kind):
        case Kind.CALLBACK:
            return Callback(row.url, row.headers or _NONE, signing_secret)
        case Kind.LONG_POLLING:
            return LongPoll(row.receipt)
        case Kind.WEB_SOCKET:
            return WebSocket(row.socket)
