"""How replicas hear that a channel has changed: PostgreSQL's NOTIFY, by its kind."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.channels import Kind


def heard_of(kind: Kind) -> str:
    """Name that under which changes of channels of a kind are announced."""
    return f"homeport_notifier_{kind.lower()}"


async def announce(connection: AsyncConnection, kind: Kind, key_id: str) -> None:
    """Tell every replica of a change, once it is committed."""
    await connection.execute(select(func.pg_notify(heard_of(kind), key_id)))
