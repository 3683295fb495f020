"""The channels of a kind that this replica serves, kept equal to what is wanted."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from homeport.errors import Unavailable
from homeport.runtime.tasks import end
from services.notifier import observability
from services.notifier.channels.channels import Channel, Kind
from services.notifier.channels.claims import Claims

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Served:
    channel: Channel
    task: asyncio.Task[None]

    def up_to_date(self, wanted: Channel | None) -> bool:
        return (
            wanted is not None
            and wanted.revision == self.channel.revision
            and not self.task.done()
        )


class Roster:
    """Serves the channels that nobody else does.

    Each channel has its task, so its trouble stays its own. When PostgreSQL takes the
    claims back, all of them end at once, whatever they are doing.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        wanted: Callable[[], Awaitable[Iterable[Channel]]],
        claims: Callable[[], AbstractAsyncContextManager[Claims]],
        serve: Callable[[Channel], Coroutine[Any, Any, None]],
        poll_seconds: float,
    ) -> None:
        self._kind = kind
        self._wanted = wanted
        self._claims = claims
        self._serve = serve
        self._poll_seconds = poll_seconds
        self._held: Claims | None = None
        self._begun = asyncio.Event()
        self._served: dict[str, _Served] = {}

    async def run(self) -> None:
        """Serve until cancelled; while PostgreSQL is away, keep trying."""
        away = False
        while True:
            try:
                async with self._claims() as held:
                    if away:
                        observability.record_roster_back()
                    away = False
                    await self._hold(held)
            except Unavailable as error:
                if not away:
                    observability.record_roster_away(str(error))
                away = True
            await asyncio.sleep(RETRY_SECONDS)

    async def begun(self) -> None:
        """Return once this replica has been able to serve."""
        await self._begun.wait()

    async def check(self) -> None:
        """Raise Unavailable while this replica may serve nothing."""
        self.held()

    def held(self) -> Claims:
        """Return this replica's claims; raise Unavailable while it has none."""
        if self._held is None:
            raise Unavailable("PostgreSQL", "holds no claims for this replica")
        return self._held

    async def _hold(self, held: Claims) -> None:
        self._held = held
        self._begun.set()
        tending = asyncio.create_task(self._tend(held))
        losing = asyncio.create_task(held.lost())
        try:
            await asyncio.wait({tending, losing}, return_when=asyncio.FIRST_COMPLETED)
            await held.check()
            await tending
        finally:
            self._held = None
            served, self._served = self._served, {}
            await _end([tending, losing, *(each.task for each in served.values())])
            observability.record_served(self._kind, 0, 0)

    async def _tend(self, held: Claims) -> None:
        while True:
            wanted = {channel.key_id: channel for channel in await self._wanted()}
            await self._renew(held, wanted)
            for key_id in await held.claim(wanted.keys() - self._served.keys()):
                self._start(wanted[key_id])
            observability.record_served(
                self._kind,
                len(self._served),
                sum(
                    wanted[key_id].failing_since is not None for key_id in self._served
                ),
            )
            del wanted  # while nothing changes, nobody needs it
            await held.changed(self._poll_seconds)

    async def _renew(self, held: Claims, wanted: Mapping[str, Channel]) -> None:
        """End what is not wanted any more, or not like this."""
        for key_id, served in list(self._served.items()):
            channel = wanted.get(key_id)
            if served.up_to_date(channel):
                continue
            await _end([served.task])
            if not served.task.cancelled() and (error := served.task.exception()):
                observability.record_broken(served.channel, error)
            if channel is None:
                del self._served[key_id]
                await held.release(key_id)
                await held.announce(key_id)
            else:
                self._start(channel)

    def _start(self, channel: Channel) -> None:
        task = asyncio.create_task(self._serve(channel), name=self._kind)
        self._served[channel.key_id] = _Served(channel, task)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they are over; what they raised stays in them."""
    ending = list(tasks)
    await asyncio.gather(*map(end, ending))
    await asyncio.gather(*ending, return_exceptions=True)
