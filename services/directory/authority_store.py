"""The installation's own certificates in PostgreSQL, their keys sealed."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.errors import InvalidConfiguration, InvalidFormat, InvalidParameter
from homeport.keyring import Keyring
from homeport.pki import pem
from homeport.runtime.database import reported
from services.directory.authorities import Held, Hosts, Name, complete
from services.directory.changes import Change, Kind, record
from services.directory.schema import authorities

_COLUMNS = authorities.c
_TURN = 0x486F6D6543657274
"""Any number: the lock of who makes or replaces certificates."""

Bring = Callable[[Mapping[Name, Held]], Iterable[Held]]


class AuthorityStore:
    """Makes, keeps and replaces them; all methods raise Unavailable."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring, hosts: Hosts) -> None:
        self._engine = engine
        self._keyring = keyring
        self._hosts = hosts

    async def establish(self) -> None:
        """Make what is missing; repeating is harmless, on any number of replicas.

        Raises InvalidConfiguration where the secret opens nothing of what is kept, or a
        server's name is none.
        """
        async with self._turn() as connection:
            try:
                kept = await read(connection, self._keyring)
                made = complete(kept, self._hosts, now=datetime.now(UTC))
            except InvalidFormat as error:
                raise InvalidConfiguration(
                    "HOMEPORT_SECRET_KEY", "does not open what PostgreSQL keeps"
                ) from error
            except InvalidParameter as error:
                raise InvalidConfiguration("server certificates", str(error)) from error
            await self._write(connection, made)

    async def all(self) -> Sequence[Row[Any]]:
        """Return the rows of all, by name."""
        with reported():
            async with self._engine.connect() as connection:
                found = await connection.execute(
                    select(authorities).order_by(_COLUMNS.name)
                )
                return found.all()

    async def replace(self, bring: Bring) -> None:
        """Take over what ``bring`` makes of what is kept, and make what it asks for.

        Raises InvalidParameter, as ``bring`` does.
        """
        async with self._turn() as connection:
            kept = await read(connection, self._keyring)
            brought = list(bring(kept))
            now = {**kept, **{held.name: held for held in brought}}
            made = complete(now, self._hosts, now=datetime.now(UTC))
            await self._write(connection, [*brought, *made])

    async def _write(self, connection: AsyncConnection, made: Sequence[Held]) -> None:
        now = datetime.now(UTC)
        for held in made:
            values = {
                "certificate": pem.build(pem.CERTIFICATE, held.certificate),
                "private_key": self._sealed(held),
                "brought": held.brought,
                "updated_at": now,
            }
            await connection.execute(
                insert(authorities)
                .values(name=held.name.value, created_at=now, **values)
                .on_conflict_do_update(index_elements=["name"], set_=values)
            )
        if made:
            await record(connection, [Change(Kind.AUTHORITY)])

    def _sealed(self, held: Held) -> bytes | None:
        if held.key is None:
            return None
        return self._keyring.seal(held.key, place=_place(held.name))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[AsyncConnection]:
        """Entered: nobody else makes or replaces any. Left: it is committed."""
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
                yield connection


async def read(connection: AsyncConnection, keyring: Keyring) -> dict[Name, Held]:
    """Return what is kept; raise InvalidFormat where the keyring cannot open a key."""
    rows = (await connection.execute(select(authorities))).all()
    return {Name(row.name): _held(row, keyring) for row in rows}


async def made_at(connection: AsyncConnection) -> datetime | None:
    """Return when this installation was made, by which it is known."""
    query = select(_COLUMNS.created_at).where(_COLUMNS.name == Name.ROOT)
    found: datetime | None = await connection.scalar(query)
    return found


def _held(row: Row[Any], keyring: Keyring) -> Held:
    name = Name(row.name)
    key = row.private_key and keyring.open(row.private_key, place=_place(name))
    (certificate,) = pem.parse_certificates(row.certificate)
    return Held(name, certificate, key, brought=row.brought)


def _place(name: Name) -> str:
    """Say where a private key lies."""
    return f"directory:authority:{name}"
