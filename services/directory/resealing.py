"""What the directory keeps sealed in PostgreSQL, and sealing it anew."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.keyring import Keyring, Resealed
from homeport.runtime import sealed_rows
from homeport.runtime.sealed_rows import Sealed
from services.directory import schema as tables
from services.directory.bootstrap import bootstrap_configurations
from services.directory.bootstrap import bootstrap_schema as bootstrap
from services.directory.credentials import authority_store, shared_keys, trusted
from services.directory.credentials.authorities import Name

SEALED: Sequence[Sealed] = (
    Sealed(
        tables.authorities.c.private_key,
        lambda row: authority_store.place(Name(row.name)),
    ),
    Sealed(
        tables.developer_certificates.c.private_key, lambda row: trusted.place(row.id)
    ),
    Sealed(
        tables.device_shared_keys.c.secret,
        lambda row: shared_keys.place(row.endpoint_name),
    ),
    Sealed(
        bootstrap.bootstrap_configurations.c.content,
        lambda row: bootstrap_configurations.place(row.id),
    ),
)
"""All that the directory seals."""


async def reseal(engine: AsyncEngine, keyring: Keyring) -> Resealed:
    """Do what `homeport.runtime.sealed_rows.reseal` does, with all of that."""
    return await sealed_rows.reseal(engine, keyring, SEALED)
