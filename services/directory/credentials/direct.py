"""Which credentials are for direct registration, and whether they may be used (B-079).

Those are of the service lwm2m (B-226). Where an account may not use them, the trust
view does not know them.
"""

from sqlalchemy import ColumnElement, Table, insert, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from homeport.identity import Service
from homeport.names import AccountId
from services.directory.schema import (
    accounts,
    device_shared_keys,
    trust_changes,
    trusted_certificates,
)
from services.directory.trust.changes import Kind


def may_be_used(table: Table) -> ColumnElement[bool]:
    """Ask for credentials that are for bootstrap, or that their account may use."""
    barred = select(accounts.c.id).where(~accounts.c.direct_registration)
    return (table.c.service != Service.LWM2M) | table.c.account_id.not_in(barred)


async def record(connection: AsyncConnection, account: AccountId) -> None:
    """Write down that the trust view has to be told of those of an account."""
    certificates, keys = trusted_certificates.c, device_shared_keys.c
    told = union_all(
        select(
            literal(Kind.CERTIFICATE.value),
            certificates.account_id,
            certificates.id,
            certificates.subject_digest,
        ).where(
            certificates.account_id == account, certificates.service == Service.LWM2M
        ),
        select(
            literal(Kind.SHARED_KEY.value),
            keys.account_id,
            keys.endpoint_name,
            keys.service,
        ).where(keys.account_id == account, keys.service == Service.LWM2M),
    )
    columns = ["kind", "account_id", "id", "place"]
    await connection.execute(insert(trust_changes).from_select(columns, told))
