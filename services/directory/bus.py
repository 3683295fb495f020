"""What the directory service hears from the bus."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from faststream.nats import NatsBroker, NatsRouter

from homeport.errors import Unavailable
from homeport.events import bus, subjects
from homeport.events.bus import Subscription
from homeport.events.facts import AnyFact
from homeport.runtime import traces
from services.directory import observability
from services.directory.devices import journal
from services.directory.handlers import Devices, project

PAUSE_SECONDS = 0.5
"""How long a replica waits after a batch that it could not store."""

SUBSCRIPTION = Subscription(
    durable=subjects.DIRECTORY_DURABLE, facts=tuple(journal.TITLES), readers=2
)


class Telling(Protocol):
    """Brings what changed into the trust view."""

    async def settle(self) -> int:
        """Write all that was written down; raise Unavailable."""


def broker(
    url: str, stored: Devices, telling: Telling, *others: NatsRouter
) -> NatsBroker:
    """Make the broker of the directory service; nothing moves before it is started."""

    async def handle(facts: Sequence[AnyFact]) -> None:
        try:
            trusts = await project(facts, stored=stored)
        except Exception as error:
            observability.record_not_stored(error)
            await asyncio.sleep(PAUSE_SECONDS)
            raise
        observability.record_stored(facts)
        if trusts:
            await _settle(telling)

    made = bus.broker(url)
    made.include_router(
        bus.router(
            SUBSCRIPTION,
            handle,
            unreadable=observability.record_unreadable,
            around=partial(traces.handling, "store in the directory"),
        )
    )
    made.include_routers(*others)
    return made


async def _settle(telling: Telling) -> None:
    """Tell the trust view; what it cannot be told now, a later turn does."""
    try:
        await telling.settle()
    except Unavailable as error:
        observability.record_trust_waits(str(error))
