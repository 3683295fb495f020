"""The keys that accounts register for endpoint names, in PostgreSQL (R-79 .. R-81)."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import AccountId, EndpointName
from homeport.runtime.database import reported
from services.directory.schema import device_shared_keys
from services.directory.trust.changes import Change, Kind, record

_COLUMNS = device_shared_keys.c


class SharedKeyStore:
    """The shared keys of all accounts; all methods raise Unavailable."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring

    async def add(
        self,
        account: AccountId,
        endpoint_name: EndpointName,
        secret: bytes,
        *,
        service: Service,
    ) -> bool:
        """Register a key; False if there is one for this name, which then stays.

        The name is the PSK identity, and a handshake says nothing but that: so two
        accounts cannot have a key for the same name.
        """
        statement = (
            insert(device_shared_keys)
            .values(
                endpoint_name=endpoint_name,
                account_id=account,
                id=uuid.uuid4().hex,
                service=service.value,
                secret=self._keyring.seal(secret, place=place(endpoint_name)),
                created_at=datetime.now(UTC),
            )
            .on_conflict_do_nothing(index_elements=["endpoint_name"])
            .returning(_COLUMNS.service)
        )
        return await self._write(account, endpoint_name, statement)

    async def get(
        self, account: AccountId, endpoint_name: EndpointName
    ) -> Row[Any] | None:
        """Return the key of a name, if the account has registered one."""
        query = select(device_shared_keys).where(
            _COLUMNS.endpoint_name == endpoint_name, _COLUMNS.account_id == account
        )
        with reported():
            async with self._engine.connect() as connection:
                return (await connection.execute(query)).one_or_none()

    async def remove(self, account: AccountId, endpoint_name: EndpointName) -> None:
        """Remove the key of a name, if the account has registered one."""
        statement = (
            delete(device_shared_keys)
            .where(
                _COLUMNS.endpoint_name == endpoint_name, _COLUMNS.account_id == account
            )
            .returning(_COLUMNS.service)
        )
        await self._write(account, endpoint_name, statement)

    async def _write(
        self, account: AccountId, endpoint_name: EndpointName, statement: Any
    ) -> bool:
        with reported():
            async with self._engine.begin() as connection:
                service = await connection.scalar(statement)
                if service is not None:
                    change = Change(Kind.SHARED_KEY, account, endpoint_name, service)
                    await record(connection, [change])
        return service is not None


def open_secret(row: Row[Any], keyring: Keyring) -> bytes:
    """Open the secret of a row; raise InvalidFormat when the keyring cannot."""
    return keyring.open(row.secret, place=place(row.endpoint_name))


def place(endpoint_name: str) -> str:
    """Say where a secret lies."""
    return f"directory:device-shared-key:{endpoint_name}"
