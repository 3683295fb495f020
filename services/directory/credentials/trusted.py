"""The certificates by which devices prove who they are, in PostgreSQL.

Trusted certificates are the CAs that an account uploads; developer certificates are of
our making and stand among them, with their private key beside (R-63).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import AccountId
from homeport.pki import trusted
from homeport.runtime.database import reported
from services.directory.accounts import limits
from services.directory.accounts.limits import Limit
from services.directory.errors import Duplicate
from services.directory.schema import developer_certificates, trusted_certificates
from services.directory.storable import storable
from services.directory.trust.changes import Change, Kind, record

ACTIVE = "ACTIVE"
DEVELOPER = 1
"""The execution mode of developer certificates, and of devices that come with one."""

_COLUMNS = trusted_certificates.c
_UNIQUE = {
    "trusted_certificates_name": "name",
    "trusted_certificates_subject": "subject",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A row of the table; ``certificate`` is PEM, from root to leaf.

    ``subject_digest`` is what a CA is looked up by in a handshake. ``proven`` says that
    the account has shown that it holds the CA's key (B-036).
    """

    account_id: AccountId
    id: str
    name: str
    description: str
    service: Service
    status: str
    enrollment_mode: bool
    device_execution_mode: int
    proven: bool
    owner_id: str | None
    certificate: str
    certificate_fingerprint: str
    subject: str
    issuer: str
    validity: datetime
    subject_digest: str
    created_at: datetime
    updated_at: datetime

    @property
    def change(self) -> Change:
        """What the trust view is told when it comes, changes or goes."""
        if self.device_execution_mode == DEVELOPER:
            place = self.certificate_fingerprint
            return Change(Kind.PIN, self.account_id, self.id, place)
        return Change(Kind.CERTIFICATE, self.account_id, self.id, self.subject_digest)


def described(text: str) -> dict[str, Any]:
    """Return what a certificate says of itself, as columns; raise InvalidParameter."""
    found = trusted.parse(text)
    return {
        "certificate": storable(text),
        "certificate_fingerprint": found.fingerprint,
        "subject": storable(found.subject),
        "issuer": storable(found.issuer),
        "validity": found.not_after,
        "subject_digest": found.subject_digest,
    }


class CertificateStore:
    """The certificates of all accounts; all methods raise Unavailable."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring

    async def add(self, made: Certificate, private_key: bytes | None = None) -> None:
        """Add a certificate, a developer's with its key.

        Raises Duplicate and, for a developer's, LimitReached.
        """
        with reported():
            async with self._engine.begin() as connection:
                if private_key is not None:
                    limit = Limit.DEVELOPER_CERTIFICATES
                    await limits.check(connection, made.account_id, limit)
                await _execute(connection, insert(trusted_certificates), asdict(made))
                if private_key is not None:
                    sealed = self._keyring.seal(private_key, place=place(made.id))
                    await connection.execute(
                        insert(developer_certificates).values(
                            account_id=made.account_id, id=made.id, private_key=sealed
                        )
                    )
                await record(connection, [made.change])

    async def change(
        self,
        account: AccountId,
        identity: str,
        change: Callable[[Certificate], Certificate],
    ) -> bool:
        """Change a certificate, if the account has it; raise Duplicate.

        Nobody else changes it meanwhile; what ``change`` raises is passed on.
        """
        with reported():
            async with self._engine.begin() as connection:
                held = _mine(account, identity).with_for_update()
                row = (await connection.execute(held)).one_or_none()
                if row is None:
                    return False
                before = _certificate(row)
                after = change(before)
                await _execute(
                    connection,
                    update(trusted_certificates).where(
                        _COLUMNS.account_id == account, _COLUMNS.id == identity
                    ),
                    asdict(after),
                )
                await record(connection, dict.fromkeys((before.change, after.change)))
                return True

    async def remove(self, account: AccountId, identity: str) -> bool:
        """Remove a certificate and its key; say whether it was there."""
        gone = (
            delete(trusted_certificates)
            .where(_COLUMNS.account_id == account, _COLUMNS.id == identity)
            .returning(*_COLUMNS)
        )
        with reported():
            async with self._engine.begin() as connection:
                row = (await connection.execute(gone)).one_or_none()
                if row is not None:
                    await record(connection, [_certificate(row).change])
        return row is not None

    async def developer(
        self, account: AccountId, identity: str
    ) -> tuple[Certificate, bytes] | None:
        """Return a developer certificate and its key in DER, if the account has it.

        Raises InvalidFormat when no secret of the keyring opens the key.
        """
        table = developer_certificates
        query = select(table.c.private_key).where(
            table.c.account_id == account, table.c.id == identity
        )
        with reported():
            async with self._engine.connect() as connection:
                sealed = await connection.scalar(query)
                row = (await connection.execute(_mine(account, identity))).one_or_none()
        if sealed is None or row is None:
            return None
        return _certificate(row), self._keyring.open(sealed, place=place(identity))


def place(identity: str) -> str:
    """Say where a developer's private key lies."""
    return f"directory:developer-certificate:{identity}"


def _mine(account: AccountId, identity: str) -> Select[Any]:
    return select(trusted_certificates).where(
        _COLUMNS.account_id == account, _COLUMNS.id == identity
    )


def _certificate(row: Row[Any]) -> Certificate:
    values = {field.name: getattr(row, field.name) for field in fields(Certificate)}
    return Certificate(**values | {"service": Service(row.service)})


async def _execute(
    connection: AsyncConnection, statement: Any, values: Mapping[str, Any]
) -> None:
    """Write a row; raise Duplicate when another is like it."""
    try:
        await connection.execute(statement.values(**values))
    except IntegrityError as error:
        for constraint, member in _UNIQUE.items():
            if constraint in str(error.orig):
                raise Duplicate("certificate", member) from error
        raise
