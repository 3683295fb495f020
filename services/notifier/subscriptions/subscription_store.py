"""What applications want to be notified of, in PostgreSQL.

Every change is announced to those who deliver. All methods raise Unavailable.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.names import AccountId, DeviceId
from homeport.runtime.database import reported
from services.notifier.channels.announcements import announce_interests
from services.notifier.schema import (
    open_requests,
    presubscriptions,
    revisions,
    subscriptions,
)
from services.notifier.subscriptions import subscriptions as wanted
from services.notifier.subscriptions.subscriptions import Interest, Presubscription
from services.notifier.transactions import changing

Rules = Sequence[Mapping[str, Any]]
"""Presubscriptions in the words of R-103."""

_COLUMNS = subscriptions.c


class SubscriptionStore:
    """The subscriptions and presubscriptions of all keys."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def interest(self, key_id: str) -> Interest:
        """Return everything that a key wants."""
        single = select(_COLUMNS.device_id, _COLUMNS.path).where(
            _COLUMNS.key_id == key_id
        )
        with reported():
            async with self._engine.connect() as connection:
                found = await connection.execute(single)
                subscribed = frozenset((row.device_id, row.path) for row in found)
                rules = await connection.scalar(_rules_of(key_id))
        return Interest(subscribed, wanted.rules(rules or ()))

    async def subscribe(
        self,
        key_id: str,
        account: AccountId,
        device: DeviceId,
        path: str,
        *,
        revision: int,
        request_id: str = "",
    ) -> None:
        """Subscribe a key to a path; it ends if the request says that it cannot be."""
        changed = {"revision": revision, "request_id": request_id}
        async with changing(self._engine) as connection:
            await connection.execute(
                insert(subscriptions)
                .values(
                    key_id=key_id,
                    account_id=account,
                    device_id=device,
                    path=path,
                    **changed,
                )
                .on_conflict_do_update(
                    index_elements=["key_id", "device_id", "path"], set_=changed
                )
            )
            await announce_interests(connection, [key_id])

    async def unsubscribe(
        self, key_id: str, device: DeviceId, path: str | None = None
    ) -> Sequence[str]:
        """End a key's subscription to a path, or all to a device; return the paths."""
        mine = and_(_COLUMNS.key_id == key_id, _COLUMNS.device_id == device)
        if path is not None:
            mine &= _COLUMNS.path == path
        async with changing(self._engine) as connection:
            found = await connection.execute(
                delete(subscriptions).where(mine).returning(_COLUMNS.path)
            )
            ended = [row.path for row in found]
            if ended:
                await announce_interests(connection, [key_id])
        return ended

    async def paths(self, key_id: str, device: DeviceId) -> Mapping[str, str]:
        """Return the paths of a device that a key has subscribed to, in order.

        Each has the async id of the request that it waits for, or ''.
        """
        query = (
            select(_COLUMNS.path, func.coalesce(open_requests.c.async_id, ""))
            .outerjoin(open_requests, _COLUMNS.request_id == open_requests.c.request_id)
            .where(_COLUMNS.key_id == key_id, _COLUMNS.device_id == device)
            .order_by(_COLUMNS.path)
        )
        with reported():
            async with self._engine.connect() as connection:
                found = (await connection.execute(query)).all()
        return {path: async_id for path, async_id in found}  # noqa: C416 # rows

    async def paths_of_all(self, account: AccountId, device: DeviceId) -> Sequence[str]:
        """Return the paths of a device that any key has subscribed to."""
        query = (
            select(_COLUMNS.path)
            .where(_COLUMNS.account_id == account, _COLUMNS.device_id == device)
            .distinct()
        )
        with reported():
            async with self._engine.connect() as connection:
                return (await connection.execute(query)).scalars().all()

    async def put_rules(self, key_id: str, account: AccountId, rules: Rules) -> None:
        """Replace the presubscriptions of a key.

        A key without any keeps an empty row: what devices observe for it has to end.
        """
        changed = {"rules": list(rules), "revision": revisions.next_value()}
        async with changing(self._engine) as connection:
            await connection.execute(
                insert(presubscriptions)
                .values(key_id=key_id, account_id=account, **changed)
                .on_conflict_do_update(index_elements=["key_id"], set_=changed)
            )
            await announce_interests(connection, [key_id])

    async def rules(self, key_id: str) -> Rules:
        """Return the presubscriptions of a key, as its caller gave them."""
        with reported():
            async with self._engine.connect() as connection:
                return await connection.scalar(_rules_of(key_id)) or ()

    async def rules_of_all(self, account: AccountId) -> tuple[Presubscription, ...]:
        """Return the presubscriptions of all keys of an account."""
        query = select(presubscriptions.c.rules).where(
            presubscriptions.c.account_id == account
        )
        with reported():
            async with self._engine.connect() as connection:
                found = (await connection.execute(query)).scalars().all()
        return tuple(rule for each in found for rule in wanted.rules(each))

    async def forget(self, key_ids: Collection[str]) -> None:
        """End everything that keys want; harmless when repeated."""
        async with changing(self._engine) as connection:
            await connection.execute(
                delete(subscriptions).where(_COLUMNS.key_id.in_(key_ids))
            )
            await connection.execute(
                presubscriptions.update()
                .where(
                    presubscriptions.c.key_id.in_(key_ids),
                    func.jsonb_array_length(presubscriptions.c.rules) > 0,
                )
                .values(rules=[], revision=revisions.next_value())
            )
            await announce_interests(connection, key_ids)

    async def keys(self) -> frozenset[str]:
        """Return the ids of all keys that want something."""
        single = select(_COLUMNS.key_id).distinct()
        ruled = select(presubscriptions.c.key_id).where(
            func.jsonb_array_length(presubscriptions.c.rules) > 0
        )
        with reported():
            async with self._engine.connect() as connection:
                found = await connection.execute(single.union(ruled))
                return frozenset(found.scalars())


def _rules_of(key_id: str) -> Any:
    return select(presubscriptions.c.rules).where(presubscriptions.c.key_id == key_id)
