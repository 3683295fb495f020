"""Devices that were refused since no account is theirs, for the platform's operator.

One is known by the certificate that it came with. Repeating a refusal is harmless, and
refusals may come in any order.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.events.facts import AnyFact, BootstrapFailed
from homeport.names import PLATFORM_ACCOUNT
from homeport.runtime.database import reported
from services.directory.claims.ownership_schema import unclaimed_devices
from services.directory.storable import storable

_COLUMNS = unclaimed_devices.c


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A device that was refused; what it is called and why are those of the last time.

    ``fingerprint`` is SHA-256 in hex, of its certificate.
    """

    id: str
    fingerprint: str
    endpoint_name: str
    reason: str
    first_seen_at: datetime
    last_seen_at: datetime


def seen(facts: Iterable[AnyFact]) -> list[Unclaimed]:
    """Return the devices that facts say were nobody's, each once."""
    found: dict[str, Unclaimed] = {}
    for fact in facts:
        if (
            isinstance(fact, BootstrapFailed)
            and fact.account_id == PLATFORM_ACCOUNT
            and fact.fingerprint
        ):
            one = _unclaimed(fact)
            found[one.id] = _joined(found.get(one.id, one), one)
    return [found[identity] for identity in sorted(found)]


async def note(connection: AsyncConnection, devices: Sequence[Unclaimed]) -> None:
    """Write down devices that were seen."""
    if not devices:
        return
    made = insert(unclaimed_devices).values([asdict(device) for device in devices])
    newer = made.excluded.last_seen_at > _COLUMNS.last_seen_at
    await connection.execute(
        made.on_conflict_do_update(
            index_elements=["id"],
            set_={
                name: case((newer, made.excluded[name]), else_=_COLUMNS[name])
                for name in ("endpoint_name", "reason", "last_seen_at")
            }
            | {
                "first_seen_at": func.least(
                    made.excluded.first_seen_at, _COLUMNS.first_seen_at
                )
            },
        )
    )


class UnclaimedStore:
    """What was seen; it is forgotten after so many ``days``."""

    def __init__(self, engine: AsyncEngine, *, days: float) -> None:
        self._engine = engine
        self._life = timedelta(days=days)

    async def forget(self, *, now: datetime) -> None:
        """Forget devices that have not come again; raise Unavailable."""
        old = _COLUMNS.last_seen_at < now - self._life
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(delete(unclaimed_devices).where(old))


def _unclaimed(fact: BootstrapFailed) -> Unclaimed:
    fingerprint = storable(fact.fingerprint)
    return Unclaimed(
        id=hashlib.blake2b(fingerprint.encode(), digest_size=16).hexdigest(),
        fingerprint=fingerprint,
        endpoint_name=storable(fact.endpoint_name),
        reason=storable(fact.reason),
        first_seen_at=fact.time,
        last_seen_at=fact.time,
    )


def _joined(one: Unclaimed, other: Unclaimed) -> Unclaimed:
    last = max(one, other, key=lambda each: each.last_seen_at)
    return replace(last, first_seen_at=min(one.first_seen_at, other.first_seen_at))
