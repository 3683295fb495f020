"""Hearing that something happens to an account, for those who have nothing else to do.

An event that waits in the stream is not heard, so who wants to be woken is armed first
and looks into the stream then. On a cluster of NATS servers the one that an event comes
to may not have heard yet that somebody listens; and a lost connection hears nothing. So
those who are armed are looked at again, and woken where the stream has something.
"""

import asyncio
from dataclasses import dataclass

from nats.errors import Error as NatsError

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient, Ear
from homeport.names import AccountId
from services.notifier import observability
from services.notifier.stream.places import Places

LOOK_SECONDS = 600.0
"""How late something is noticed at most that was not heard; after a lost connection at
once."""
SOON_SECONDS = 2.0
"""The same for what came just when somebody was armed."""


@dataclass(slots=True, eq=False)
class Armed:
    """An account that is listened for.

    Once that is seen, nothing of it was in the stream after ``place``.
    """

    account: AccountId
    place: int | None = None
    woken: bool = False
    looked: bool = False
    ear: Ear | None = None
    waiting: tuple[asyncio.Future[None], ...] = ()

    def happens(self) -> asyncio.Future[None]:
        """Return what is done when something has happened since, or may have."""
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.woken:
            waking.set_result(None)
        else:
            self.waiting = (*self.resting(), waking)
        return waking

    def resting(self) -> list[asyncio.Future[None]]:
        """Return what those wait for who have not given up."""
        return [waking for waking in self.waiting if not waking.done()]

    def seen(self, place: int) -> None:
        """Say that nothing was in the stream after a place since it is listened."""
        self.place = max(place, self.place or 0)

    def wake(self) -> None:
        """Let all who wait go on."""
        self.woken = True
        for waking in self.resting():
            waking.set_result(None)


class Wakes:
    """One ear for each account that somebody waits for."""

    def __init__(self, nats: BusClient, places: Places) -> None:
        self._nats = nats
        self._places = places
        self._armed: dict[AccountId, Armed] = {}

    async def arm(self, account: AccountId) -> Armed:
        """Hear what happens to an account from now on; raise Unavailable.

        The server listens before it answers what it is asked next.
        """
        if armed := self._armed.get(account):
            return armed
        armed = self._armed[account] = Armed(account)
        try:
            armed.ear = await self._nats.listen(
                subjects.of_account(account), lambda _: self._heard(armed), most=1
            )
        except (NatsError, OSError, TimeoutError) as error:
            self._heard(armed)
            raise Unavailable("NATS", str(error) or type(error).__name__) from error
        return armed

    async def watch(self) -> None:
        """Look at those who are armed, for ever; while NATS is away, wait."""
        clock = asyncio.get_running_loop().time
        looked, connections = clock(), self._nats.stats["reconnects"]
        while True:
            await asyncio.sleep(SOON_SECONDS)
            lost = connections != self._nats.stats["reconnects"]
            everybody = lost or clock() - looked >= LOOK_SECONDS
            if everybody:
                looked, connections = clock(), self._nats.stats["reconnects"]
            try:
                await self.look(everybody=everybody)
            except Unavailable as error:
                observability.record_wakes_wait(str(error))

    async def look(self, *, everybody: bool) -> None:
        """Wake those for whom the stream has something; raise Unavailable.

        Unless it is ``everybody``, only those are looked at who are new. An account for
        which nobody waits any more is not listened for any more.
        """
        for armed in list(self._armed.values()):
            if armed.place is None or (armed.looked and not everybody):
                continue
            newest = await self._places.newest(subjects.of_account(armed.account))
            armed.looked = True
            if newest > armed.place or (everybody and not armed.resting()):
                self._heard(armed)
                if armed.ear is not None:
                    await self._nats.forget(armed.ear)

    def resting(self) -> int:
        """Return how many wait."""
        return sum(len(armed.resting()) for armed in self._armed.values())

    def _heard(self, armed: Armed) -> None:
        if self._armed.get(armed.account) is armed:
            del self._armed[armed.account]
        armed.wake()
