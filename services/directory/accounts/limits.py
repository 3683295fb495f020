"""How many objects an account may have; the operator of the platform decides."""

from enum import Enum

from sqlalchemy import Column, ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from homeport.names import AccountId
from services.directory.errors import LimitReached
from services.directory.schema import (
    RECORDED,
    accounts,
    api_keys,
    developer_certificates,
    devices,
)


class Limit(Enum):
    """What is limited."""

    API_KEYS = "API keys"
    DEVELOPER_CERTIFICATES = "developer certificates"
    DEVICES = "devices"

    @property
    def column(self) -> Column[int]:
        """Where the limit of an account stands."""
        match self:
            case Limit.API_KEYS:
                return accounts.c.api_key_limit
            case Limit.DEVELOPER_CERTIFICATES:
                return accounts.c.developer_certificate_limit
            case Limit.DEVICES:
                return accounts.c.device_limit

    def counted(self, account: AccountId) -> ColumnElement[bool]:
        """Ask for what counts."""
        match self:
            case Limit.API_KEYS:
                return api_keys.c.account_id == account
            case Limit.DEVELOPER_CERTIFICATES:
                return developer_certificates.c.account_id == account
            case Limit.DEVICES:
                return (devices.c.account_id == account) & RECORDED


async def check(connection: AsyncConnection, account: AccountId, limit: Limit) -> None:
    """Raise LimitReached if an account may have no more; else nobody else adds one.

    That lasts as long as the transaction in which one is added.
    """
    held = (
        select(limit.column)
        .where(accounts.c.id == account, limit.column.is_not(None))
        .with_for_update()
    )
    most = await connection.scalar(held)
    if most is None:
        return
    counted = select(func.count()).where(limit.counted(account))
    if (await connection.scalar(counted) or 0) >= most:
        raise LimitReached(limit.value, most)
