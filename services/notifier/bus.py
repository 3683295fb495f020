"""What the notifier service hears from the bus besides its channels."""

import asyncio
from collections.abc import Sequence

from faststream.nats import NatsBroker

from homeport.events import bus, subjects
from homeport.events.bus import Subscription
from homeport.events.facts import AnyFact, FactName
from services.notifier import observability
from services.notifier.books import Books
from services.notifier.facts import note
from services.notifier.subscriptions.observing import Observing

PAUSE_SECONDS = 0.5
"""How long a replica waits after a batch that it could not note."""

SUBSCRIPTION = Subscription(
    durable=subjects.NOTIFIER_DURABLE,
    facts=(
        FactName.DEVICE_BOOTSTRAPPED,
        FactName.DEVICE_REGISTERED,
        FactName.REGISTRATION_UPDATED,
        FactName.DEVICE_DEREGISTERED,
        FactName.REGISTRATION_EXPIRED,
        FactName.REQUEST_COMPLETED,
    ),
)


def broker(url: str, books: Books, observing: Observing) -> NatsBroker:
    """Make the broker of the notifier service; nothing moves before it is started."""

    async def handle(facts: Sequence[AnyFact]) -> None:
        try:
            await note(facts, books=books, observing=observing)
        except Exception as error:
            observability.record_not_noted(error)
            await asyncio.sleep(PAUSE_SECONDS)
            raise

    made = bus.broker(url)
    made.include_router(
        bus.router(SUBSCRIPTION, handle, unreadable=observability.record_unreadable)
    )
    return made
