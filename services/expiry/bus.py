"""What the expiry service hears from the bus."""

from collections.abc import Sequence

from faststream.nats import NatsBroker

from homeport.events import bus, subjects
from homeport.events.bus import Subscription
from homeport.events.facts import AnyFact, FactName
from services.expiry import observability
from services.expiry.handlers import Alarm, Patience, wake_for

SUBSCRIPTION = Subscription(
    durable=subjects.EXPIRY_DURABLE, facts=(FactName.DEVICE_REGISTERED,)
)


def broker(url: str, alarm: Alarm, patience: Patience) -> NatsBroker:
    """Make the broker of the expiry service; nothing moves before it is started."""

    async def handle(facts: Sequence[AnyFact]) -> None:
        await wake_for(facts, alarm, patience)

    made = bus.broker(url)
    made.include_router(
        bus.router(SUBSCRIPTION, handle, unreadable=observability.record_unreadable)
    )
    return made
