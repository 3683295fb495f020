"""The installation's own certificates in PostgreSQL, their keys sealed."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.errors import InvalidConfiguration, InvalidFormat, InvalidParameter
from homeport.keyring import Keyring
from homeport.pki import certificates, pem
from homeport.runtime.database import reported
from services.directory.credentials.authorities import (
    Held,
    Hosts,
    Name,
    complete,
    renew,
)
from services.directory.credentials.former_authorities import (
    Former,
    require_room,
    retire,
)
from services.directory.schema import authorities, former_authorities
from services.directory.trust.changes import Change, Kind, record

_COLUMNS = authorities.c
_FORMER = former_authorities.c
_TURN = 0x486F6D6543657274
"""Any number: the lock of who makes or replaces certificates."""

_NEWEST_FIRST = select(former_authorities).order_by(
    _FORMER.replaced_at.desc(), _FORMER.fingerprint
)

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

    async def former(self) -> Sequence[Row[Any]]:
        """Return the rows of those that have been replaced, the newest first."""
        with reported():
            async with self._engine.connect() as connection:
                return (await connection.execute(_NEWEST_FIRST)).all()

    async def replace(self, bring: Bring) -> None:
        """Take over what ``bring`` makes of what is kept, and make what it asks for.

        A root or an issuer that is replaced stays good. Raises InvalidParameter, as
        ``bring`` does, and where too many would be good.
        """
        async with self._turn() as connection:
            kept = await read(connection, self._keyring)
            brought = list(bring(kept))
            now = {**kept, **{held.name: held for held in brought}}
            made = complete(now, self._hosts, now=datetime.now(UTC))
            await _remember(connection, kept, now)
            await self._write(connection, [*brought, *made])

    async def renew(self, name: Name) -> None:
        """Replace one by another one of our own; raise InvalidParameter."""
        now = datetime.now(UTC)
        await self.replace(
            lambda kept: [renew(name, kept=kept, hosts=self._hosts, now=now)]
        )

    async def withdraw(self, fingerprint: str) -> bool:
        """Let a former one be good no more; say whether it is there.

        Repeating it changes nothing.
        """
        async with self._turn() as connection:
            withdrawn = (
                update(former_authorities)
                .where(_FORMER.fingerprint == fingerprint)
                .values(
                    withdrawn_at=func.coalesce(_FORMER.withdrawn_at, datetime.now(UTC))
                )
                .returning(_FORMER.name)
            )
            found = await connection.scalar(withdrawn)
            if found is not None:
                await record(connection, [Change(Kind.AUTHORITY)])
        return found is not None

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
        return self._keyring.seal(held.key, place=place(held.name))

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


async def read_former(connection: AsyncConnection) -> list[Former]:
    """Return those that have been replaced, the newest first."""
    return [_former(row) for row in (await connection.execute(_NEWEST_FIRST)).all()]


async def _remember(
    connection: AsyncConnection, before: Mapping[Name, Held], after: Mapping[Name, Held]
) -> None:
    """Write down what has been replaced, unless it is there again."""
    now = datetime.now(UTC)
    present = [certificates.fingerprint(held.certificate) for held in after.values()]
    await connection.execute(
        delete(former_authorities).where(_FORMER.fingerprint.in_(present))
    )
    for each in retire(before, after):
        await connection.execute(
            insert(former_authorities).values(
                fingerprint=each.fingerprint,
                name=each.name.value,
                certificate=pem.build(pem.CERTIFICATE, each.certificate),
                bridge=pem.build(pem.CERTIFICATE, each.bridge) if each.bridge else "",
                replaced_at=now,
            )
        )
    require_room(await read_former(connection))


async def made_at(connection: AsyncConnection) -> datetime | None:
    """Return when this installation was made, by which it is known."""
    query = select(_COLUMNS.created_at).where(_COLUMNS.name == Name.ROOT)
    found: datetime | None = await connection.scalar(query)
    return found


def _held(row: Row[Any], keyring: Keyring) -> Held:
    name = Name(row.name)
    key = row.private_key and keyring.open(row.private_key, place=place(name))
    (certificate,) = pem.parse_certificates(row.certificate)
    return Held(name, certificate, key, brought=row.brought)


def _former(row: Row[Any]) -> Former:
    (certificate,) = pem.parse_certificates(row.certificate)
    (bridge,) = pem.parse_certificates(row.bridge) if row.bridge else (b"",)
    withdrawn = row.withdrawn_at is not None
    return Former(Name(row.name), certificate, bridge, withdrawn)


def place(name: Name) -> str:
    """Say where a private key lies."""
    return f"directory:authority:{name}"
