"""How replicas hear that a channel has changed: PostgreSQL's NOTIFY, by its kind."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.channels.channels import Kind

INTERESTS = "homeport_notifier_interests"
"""Name that under which it is announced that a key wants something else."""


def heard_of(kind: Kind) -> str:
    """Name that under which changes of channels of a kind are announced."""
    return f"homeport_notifier_{kind.lower()}"


async def announce(connection: AsyncConnection, kind: Kind, key_id: str) -> None:
    """Tell every replica of a change, once it is committed."""
    await connection.execute(select(func.pg_notify(heard_of(kind), key_id)))


async def announce_interests(
    connection: AsyncConnection, key_ids: Iterable[str]
) -> None:
    """Tell every replica what keys want, once it is committed."""
    for key_id in sorted(set(key_ids)):
        await connection.execute(select(func.pg_notify(INTERESTS, key_id)))
