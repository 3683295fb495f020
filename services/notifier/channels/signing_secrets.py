"""The secrets that sign webhook calls, as they lie in PostgreSQL: sealed."""

from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.keyring import Keyring
from homeport.runtime.database import reported
from services.notifier.schema import channels

BATCH = 500
"""Rows of a transaction."""


def place(key_id: str) -> str:
    """Say where the secret of a key's channel lies."""
    return f"notifier:signing-secret:{key_id}"


def seal(keyring: Keyring, key_id: str, secret: str) -> bytes | None:
    """Seal the secret of a key's channel; nothing where there is none."""
    return keyring.seal(secret.encode(), place=place(key_id)) if secret else None


def open_sealed(keyring: Keyring, row: Row[Any]) -> str:
    """Return the secret of a channel, '' where it has none; raise InvalidFormat."""
    if row.sealed_secret is None:
        return str(row.signing_secret)
    return keyring.open(row.sealed_secret, place=place(row.key_id)).decode()


async def seal_plain(engine: AsyncEngine, keyring: Keyring) -> int:
    """Seal those that an earlier version has left as they are; return how many.

    Repeating it is harmless, also at the same time. Raises Unavailable.
    """
    plain = (
        select(channels.c.key_id, channels.c.signing_secret)
        .where(channels.c.signing_secret != "")
        .order_by(channels.c.key_id)
        .limit(BATCH)
        .with_for_update()
    )
    sealed = (
        update(channels)
        .where(channels.c.key_id == bindparam("held"))
        .values(signing_secret="", sealed_secret=bindparam("sealed"))
    )
    total = 0
    while True:
        with reported():
            async with engine.begin() as connection:
                rows = (await connection.execute(plain)).all()
                made = [
                    {"held": row.key_id}
                    | {"sealed": seal(keyring, row.key_id, row.signing_secret)}
                    for row in rows
                ]
                if made:
                    await connection.execute(sealed, made)
        total += len(rows)
        if len(rows) < BATCH:
            return total
