"""What the notifier remembers of facts, in PostgreSQL, and what is due because of them.

Any number of replicas share the facts, and each may come twice: a row of a device takes
newer revisions only, and to remove what is gone is harmless.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.events.facts import (
    AnyFact,
    DeviceBootstrapped,
    DeviceDeregistered,
    DeviceRegistered,
    RegistrationExpired,
    RegistrationUpdated,
    RequestCompleted,
)
from homeport.names import AccountId, DeviceId
from homeport.runtime.database import among
from services.notifier.channels.announcements import announce_interests
from services.notifier.schema import (
    endpoints,
    open_requests,
    presubscriptions,
    subscriptions,
)
from services.notifier.subscriptions import subscriptions as wanted
from services.notifier.subscriptions.subscriptions import Presubscription
from services.notifier.transactions import changing

Key = tuple[str, str]
"""An account and its device."""

_ENDING = (DeviceRegistered, DeviceDeregistered, RegistrationExpired)
"""With these a registration, and what was subscribed to during it, is over (R-101)."""

_NOTED_COLUMNS = (
    *("account_id", "device_id", "endpoint_name", "endpoint_type"),
    *("queue_mode", "registered", "revision"),
)
_NOTE_ENDPOINTS = text("""
    INSERT INTO notifier.endpoints AS known (
        account_id, device_id, endpoint_name, endpoint_type,
        queue_mode, registered, revision, applied
    )
    SELECT *, 0 FROM unnest(
        CAST(:account_id AS text[]),
        CAST(:device_id AS text[]),
        CAST(:endpoint_name AS text[]),
        CAST(:endpoint_type AS text[]),
        CAST(:queue_mode AS boolean[]),
        CAST(:registered AS boolean[]),
        CAST(:revision AS bigint[])
    )
    ON CONFLICT (account_id, device_id) DO UPDATE SET
        endpoint_type = excluded.endpoint_type,
        queue_mode = excluded.queue_mode,
        registered = excluded.registered,
        revision = excluded.revision,
        applied = excluded.applied
    WHERE known.revision < excluded.revision
""")
"""A parameter for each value would cost a third of all that the service does."""

_END_SUBSCRIPTIONS = text("""
    DELETE FROM notifier.subscriptions AS each USING unnest(
        CAST(:accounts AS text[]),
        CAST(:devices AS text[]),
        CAST(:revisions AS bigint[])
    ) AS over (account_id, device_id, revision)
    WHERE each.account_id = over.account_id AND each.device_id = over.device_id
    AND each.revision < over.revision
    RETURNING each.key_id
""")


@dataclass(frozen=True, slots=True)
class AccountRules:
    """The presubscriptions of all keys of an account, and the newest of them."""

    rules: tuple[Presubscription, ...]
    newest: int


@dataclass(frozen=True, slots=True)
class Noted:
    """What there is to do after facts were noted.

    ``applied`` is up to which presubscription a device has been asked.
    """

    rules: Mapping[str, AccountRules] = field(default_factory=dict)
    applied: Mapping[Key, int] = field(default_factory=dict)


def key_of(fact: AnyFact) -> Key:
    """Return which device a fact is about."""
    return fact.account_id, fact.device_id


class Books:
    """Writes down what facts say."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def note(self, facts: Sequence[AnyFact]) -> Noted:
        """Write down facts, all of them or none; raise Unavailable."""
        async with changing(self._engine) as connection:
            await _note_endpoints(connection, facts)
            ended = [
                *await _end_subscriptions(connection, facts),
                *await _close_requests(connection, facts),
            ]
            await announce_interests(connection, ended)
            rules = await _rules(connection, {fact.account_id for fact in facts})
            devices = {key_of(fact) for fact in facts if fact.account_id in rules}
            return Noted(rules, await _applied(connection, devices))

    async def applied(
        self, fact: DeviceRegistered | RegistrationUpdated, newest: int
    ) -> None:
        """Remember that a device has been asked for what rules up to one want."""
        row = _registered(fact) | {"applied": newest}
        async with changing(self._engine) as connection:
            await connection.execute(
                insert(endpoints)
                .values(row)
                .on_conflict_do_update(
                    index_elements=["account_id", "device_id"],
                    set_={"applied": newest},
                )
            )

    async def again(self, account: AccountId, device: DeviceId) -> None:
        """Have a device asked again at its next update."""
        mine = (endpoints.c.account_id == account) & (endpoints.c.device_id == device)
        async with changing(self._engine) as connection:
            await connection.execute(update(endpoints).where(mine).values(applied=0))


async def _note_endpoints(
    connection: AsyncConnection, facts: Iterable[AnyFact]
) -> None:
    rows: dict[Key, dict[str, Any]] = {}
    for fact in facts:
        row = _endpoint(fact)
        if row is None:
            continue
        known = rows.get(key_of(fact))
        if known is None or known["revision"] <= row["revision"]:
            rows[key_of(fact)] = (known or {}) | row
    if not rows:
        return
    defaults = {"endpoint_type": "", "queue_mode": False}
    values = [defaults | rows[key] for key in sorted(rows)]
    await connection.execute(
        _NOTE_ENDPOINTS,
        {name: [row[name] for row in values] for name in _NOTED_COLUMNS},
    )


def _endpoint(fact: AnyFact) -> dict[str, Any] | None:
    """Return what a fact says of a device; nothing where that is what it was.

    A device that has only bootstrapped is one that may have registered before: its fact
    counts only where nothing else is known of it.
    """
    match fact:
        case RegistrationUpdated(changes=()):
            return None
        case DeviceRegistered() | RegistrationUpdated():
            return _registered(fact)
        case DeviceDeregistered() | RegistrationExpired():
            return _known(fact) | {"registered": False}
        case DeviceBootstrapped():
            return _known(fact) | {"registered": False, "revision": 0}
        case _:
            return None


def _registered(fact: DeviceRegistered | RegistrationUpdated) -> dict[str, Any]:
    return _known(fact) | {
        "registered": True,
        "endpoint_type": fact.endpoint_type,
        "queue_mode": fact.queue_mode,
    }


def _known(fact: AnyFact) -> dict[str, Any]:
    return {
        "account_id": fact.account_id,
        "device_id": fact.device_id,
        "endpoint_name": fact.endpoint_name,
        "revision": fact.revision,
    }


async def _end_subscriptions(
    connection: AsyncConnection, facts: Iterable[AnyFact]
) -> list[str]:
    ending = [fact for fact in facts if isinstance(fact, _ENDING)]
    if not ending:
        return []
    found = await connection.execute(
        _END_SUBSCRIPTIONS,
        {
            "accounts": [fact.account_id for fact in ending],
            "devices": [fact.device_id for fact in ending],
            "revisions": [fact.revision for fact in ending],
        },
    )
    return list(found.scalars())


async def _close_requests(
    connection: AsyncConnection, facts: Iterable[AnyFact]
) -> list[str]:
    """Forget requests that are over, and subscriptions that have come to nothing."""
    over = [fact for fact in facts if isinstance(fact, RequestCompleted)]
    callers = [fact for fact in over if fact.async_id]
    if callers:
        ids = [fact.request_id for fact in callers]
        await connection.execute(
            delete(open_requests).where(among(open_requests.c.request_id, ids))
        )
    failed = [fact.request_id for fact in callers if fact.observe and not fact.observed]
    if not failed:
        return []
    found = await connection.execute(
        delete(subscriptions)
        .where(among(subscriptions.c.request_id, failed))
        .returning(subscriptions.c.key_id)
    )
    return list(found.scalars())


async def _rules(
    connection: AsyncConnection, accounts: Iterable[str]
) -> Mapping[str, AccountRules]:
    table = presubscriptions.c
    found = await connection.execute(
        select(
            table.account_id,
            func.max(table.revision).label("newest"),
            func.jsonb_agg(table.rules).label("rules"),
        )
        .where(among(table.account_id, list(accounts)))
        .group_by(table.account_id)
    )
    return {
        row.account_id: AccountRules(
            tuple(rule for each in row.rules for rule in wanted.rules(each)), row.newest
        )
        for row in found
    }


async def _applied(
    connection: AsyncConnection, devices: Iterable[Key]
) -> Mapping[Key, int]:
    asked = list(devices)
    if not asked:
        return {}
    key = tuple_(endpoints.c.account_id, endpoints.c.device_id)
    found = await connection.execute(
        select(
            endpoints.c.account_id, endpoints.c.device_id, endpoints.c.applied
        ).where(key.in_(asked))
    )
    return {(row.account_id, row.device_id): row.applied for row in found}
