"""The devices that have been heard of, in PostgreSQL; methods raise Unavailable."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.names import AccountId, DeviceId
from homeport.runtime.database import reported
from services.notifier.schema import endpoints

PAGE = 1_000

_COLUMNS = endpoints.c


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A device that is registered."""

    device: DeviceId
    endpoint_type: str
    queue_mode: bool


class Endpoints:
    """The devices of all accounts, as far as they have come."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def knows(self, account: AccountId, device: DeviceId) -> bool:
        """Say whether a device of an account has ever come."""
        query = select(
            exists().where(_COLUMNS.account_id == account, _COLUMNS.device_id == device)
        )
        with reported():
            async with self._engine.connect() as connection:
                return bool(await connection.scalar(query))

    async def registered(
        self, account: AccountId, endpoint_type: str = ""
    ) -> AsyncIterator[list[Endpoint]]:
        """Yield the registered devices of an account (of a type), page after page."""
        query = (
            select(endpoints)
            .where(_COLUMNS.account_id == account, _COLUMNS.registered)
            .order_by(_COLUMNS.device_id)
            .limit(PAGE)
        )
        if endpoint_type:
            query = query.where(_COLUMNS.endpoint_type == endpoint_type)
        after = ""
        while True:
            page = query.where(_COLUMNS.device_id > after)
            with reported():
                async with self._engine.connect() as connection:
                    rows = (await connection.execute(page)).all()
            if rows:
                after = rows[-1].device_id
                yield [
                    Endpoint(DeviceId(row.device_id), row.endpoint_type, row.queue_mode)
                    for row in rows
                ]
            if len(rows) < PAGE:
                return
