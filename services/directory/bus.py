"""What the directory service hears from the bus."""

import asyncio
from collections.abc import Sequence

from faststream.nats import NatsBroker

from homeport.events import bus, subjects
from homeport.events.bus import Subscription
from homeport.events.facts import AnyFact, FactName
from services.directory import observability
from services.directory.handlers import Devices, project

PAUSE_SECONDS = 0.5
"""How long a replica waits after a batch that it could not store."""

SUBSCRIPTION = Subscription(durable=subjects.DIRECTORY_DURABLE, facts=tuple(FactName))


def broker(url: str, stored: Devices) -> NatsBroker:
    """Make the broker of the directory service; nothing moves before it is started."""

    async def handle(facts: Sequence[AnyFact]) -> None:
        try:
            await project(facts, stored=stored)
        except Exception as error:
            observability.record_not_stored(error)
            await asyncio.sleep(PAUSE_SECONDS)
            raise
        observability.record_stored(facts)

    made = bus.broker(url)
    made.include_router(
        bus.router(SUBSCRIPTION, handle, unreadable=observability.record_unreadable)
    )
    return made
