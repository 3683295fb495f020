"""What a replica of the directory does besides its facts and its callers, for ever."""

import asyncio
from datetime import UTC, datetime

from homeport.errors import Unavailable
from homeport.store.trust import TrustView
from services.directory import observability
from services.directory.accounts import AccountStore
from services.directory.claims import ClaimStore
from services.directory.enrollment_tasks import TaskStore
from services.directory.projection import Projection


class Chores:
    """Work that any number of replicas may do; it waits while a server is away."""

    def __init__(
        self,
        projection: Projection,
        accounts: AccountStore,
        view: TrustView,
        claims: ClaimStore,
        tasks: TaskStore,
    ) -> None:
        self._projection = projection
        self._accounts = accounts
        self._view = view
        self._claims = claims
        self._tasks = tasks

    async def keep_trust(self, seconds: float) -> None:
        """Compare the trust view; Redis may have lost it.

        When API keys were used is told there and kept here, and claims that were not
        used in time go.
        """
        while True:
            await asyncio.sleep(seconds)
            try:
                await project_trust(self._projection)
                await self._accounts.note_used(await self._view.used())
                await self._claims.forget_expired(now=datetime.now(UTC))
            except Unavailable as error:
                observability.record_trust_waits(str(error))

    async def work_off(self, seconds: float) -> None:
        """Do what has been uploaded, piece by piece."""
        while True:
            worked = False
            try:
                worked = await self._tasks.work()
                if worked:
                    await self._projection.settle()
            except Unavailable as error:
                observability.record_task_waits(str(error))
            await asyncio.sleep(0 if worked else seconds)


async def project_trust(projection: Projection) -> None:
    """Write what the trust view lacks; raise Unavailable."""
    if await projection.keep():
        observability.record_trust_written()
    if changes := await projection.settle():
        observability.record_trust_settled(changes)
