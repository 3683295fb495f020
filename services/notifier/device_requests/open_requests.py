"""Device requests whose end the application has not been told, in PostgreSQL.

A request is here before it is in its device's queue, and until its event has been
heard: a lost Redis ends it instead of losing it. All methods raise Unavailable.
"""

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass
from datetime import timedelta

import asyncpg
from sqlalchemy import Float, cast, delete, extract, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.names import AccountId, DeviceId
from homeport.runtime.database import reported
from services.notifier.schema import open_requests
from services.notifier.transactions import changing

MOST = 10_000
"""Open requests that are looked at in one go."""

_COLUMNS = open_requests.c
_OPEN = """
    INSERT INTO notifier.open_requests (request_id, key_id, async_id, account_id,
        device_id, endpoint_name, method, path) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING RETURNING request_id
"""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request, and whose it is; ``async_id`` is open once for a ``key_id``."""

    request_id: str
    key_id: str
    async_id: str
    account_id: AccountId
    device_id: DeviceId
    endpoint_name: str
    method: str
    path: str


class OpenRequests:
    """The requests that are open."""

    def __init__(self, engine: AsyncEngine, direct: asyncpg.Pool) -> None:
        self._engine = engine
        self._direct = direct

    async def open(self, request: OpenRequest) -> bool:
        """Add a request; False where its caller has another one of that async id.

        It is all that a request waits for in PostgreSQL, hence one round trip only: the
        engine would take three, with the transaction.
        """
        with reported():
            added = await self._direct.fetchval(_OPEN, *astuple(request))
        return bool(added == request.request_id)

    async def close(self, request_ids: Collection[str]) -> None:
        """Remove requests; harmless when repeated."""
        async with changing(self._engine) as connection:
            await connection.execute(
                delete(open_requests).where(_COLUMNS.request_id.in_(request_ids))
            )

    async def find(
        self, key_id: str, async_id: str
    ) -> tuple[OpenRequest, float] | None:
        """Return the request that a caller calls so, and how old it is in seconds."""
        age = cast(extract("epoch", func.now() - _COLUMNS.created_at), Float)
        query = select(open_requests, age.label("age")).where(
            _COLUMNS.key_id == key_id, _COLUMNS.async_id == async_id
        )
        with reported():
            async with self._engine.connect() as connection:
                row = (await connection.execute(query)).one_or_none()
        return None if row is None else (_request(row), row.age)

    async def older_than(
        self, age: timedelta, *, after: str = ""
    ) -> Sequence[OpenRequest]:
        """Return requests that have been open for so long, ``MOST`` of them at once.

        They come in the order of their ids, from the first ``after`` one.
        """
        query = (
            select(open_requests)
            .where(_COLUMNS.created_at < func.now() - age, _COLUMNS.request_id > after)
            .order_by(_COLUMNS.request_id)
            .limit(MOST)
        )
        with reported():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).all()
        return [_request(row) for row in rows]


def _request(row: object) -> OpenRequest:
    return OpenRequest(
        **{name: getattr(row, name) for name in OpenRequest.__dataclass_fields__}
    )
