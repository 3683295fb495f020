"""What the notifier keeps sealed in PostgreSQL, and sealing it anew."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.keyring import Keyring, Resealed
from homeport.runtime import sealed_rows
from homeport.runtime.sealed_rows import Sealed
from services.notifier.channels import signing_secrets
from services.notifier.schema import channels

SEALED: Sequence[Sealed] = (
    Sealed(channels.c.sealed_secret, lambda row: signing_secrets.place(row.key_id)),
)
"""All that the notifier seals."""


async def reseal(engine: AsyncEngine, keyring: Keyring) -> Resealed:
    """Do what `homeport.runtime.sealed_rows.reseal` does, with all of that.

    What an earlier version has left unsealed is sealed first.
    """
    await signing_secrets.seal_plain(engine, keyring)
    return await sealed_rows.reseal(engine, keyring, SEALED)
