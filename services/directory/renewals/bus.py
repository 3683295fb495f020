"""What the directory hears of the device requests that ask for renewals."""

import asyncio
from collections.abc import Sequence

from faststream.nats import NatsRouter

from homeport.events import bus, subjects
from homeport.events.bus import Subscription
from homeport.events.facts import AnyFact, FactName, RequestCompleted
from services.directory import observability
from services.directory.renewals import outcomes
from services.directory.renewals.enrollments import EnrollmentStore

PAUSE_SECONDS = 0.5
"""How long a replica waits after a batch that it could not store."""

SUBSCRIPTION = Subscription(
    durable=subjects.RENEWALS_DURABLE, facts=(FactName.REQUEST_COMPLETED,)
)
"""One of its own: a consumer that exists keeps what it was made to take."""


def router(stored: EnrollmentStore) -> NatsRouter:
    """Make what takes the ends of requests, and completes enrollments with some."""

    async def handle(facts: Sequence[AnyFact]) -> None:
        ended = [
            each
            for fact in facts
            if isinstance(fact, RequestCompleted)
            and (each := outcomes.ended(fact)) is not None
        ]
        if not ended:
            return
        try:
            await stored.complete(ended)
        except Exception as error:
            observability.record_not_stored(error)
            await asyncio.sleep(PAUSE_SECONDS)
            raise
        observability.record_renewed(ended)

    return bus.router(SUBSCRIPTION, handle, unreadable=observability.record_unreadable)
