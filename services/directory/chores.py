"""What a replica of the directory does besides its facts and its callers, for ever."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from homeport.errors import Unavailable
from homeport.store.trust import TrustView
from services.directory import observability
from services.directory.accounts.accounts import AccountStore
from services.directory.claims.claims import ClaimStore
from services.directory.claims.enrollment_tasks import TaskStore
from services.directory.claims.unclaimed import UnclaimedStore
from services.directory.devices.history import HistoryStore
from services.directory.devices.inventory import Inventory
from services.directory.renewals.enrollments import EnrollmentStore
from services.directory.renewals.sweeping import Look
from services.directory.trust.projection import Projection


@dataclass(frozen=True, slots=True)
class Chores:
    """Work that any number of replicas may do; it waits while a server is away."""

    projection: Projection
    accounts: AccountStore
    view: TrustView
    claims: ClaimStore
    tasks: TaskStore
    inventory: Inventory
    history: HistoryStore
    unclaimed: UnclaimedStore
    enrollments: EnrollmentStore
    sweep: Look

    async def keep_trust(self, seconds: float) -> None:
        """Compare the trust view; Redis may have lost it.

        When API keys were used is told there and kept here, and claims that were not
        used in time go.
        """
        while True:
            await asyncio.sleep(seconds)
            try:
                await project_trust(self.projection)
                await self.accounts.note_used(await self.view.used())
                await self.claims.forget_expired(now=datetime.now(UTC))
            except Unavailable as error:
                observability.record_trust_waits(str(error))

    async def work_off(self, seconds: float) -> None:
        """Do what has been uploaded, piece by piece."""
        while True:
            worked = False
            try:
                worked = await self.tasks.work()
                if worked:
                    await self.projection.settle()
            except Unavailable as error:
                observability.record_task_waits(str(error))
            await asyncio.sleep(0 if worked else seconds)

    async def keep_history(self, seconds: float) -> None:
        """Drop what is too old, and devices that never ended what they began."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await keep_history(self.history)
                await self.unclaimed.forget(now=datetime.now(UTC))
                await self.enrollments.forget(now=datetime.now(UTC))
                if await self.inventory.forget_unfinished(now=datetime.now(UTC)):
                    await self.projection.settle()
            except Unavailable as error:
                observability.record_history_waits(str(error))

    async def sweep_renewals(self, seconds: float) -> None:
        """End renewals that nothing holds any more."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.sweep()
            except Unavailable as error:
                observability.record_sweep_waits(str(error))


async def keep_history(history: HistoryStore) -> None:
    """Have a place for what happens now and soon; raise Unavailable."""
    if dropped := await history.keep(now=datetime.now(UTC)):
        observability.record_history_dropped(dropped)


async def project_trust(projection: Projection) -> None:
    """Write what the trust view lacks; raise Unavailable."""
    if await projection.keep():
        observability.record_trust_written()
    if changes := await projection.settle():
        observability.record_trust_settled(changes)
