"""Telling of the requests that nobody else ends any more (`homeport.runtime.sweeping`).

They are told of by the event that any other end would have.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from homeport.events import facts
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName, RequestCompleted, RequestOutcome
from homeport.runtime.sweeping import Ends
from services.notifier import observability
from services.notifier.device_requests.open_requests import OpenRequest

Publish = Callable[[Envelope], Awaitable[None]]


def ends(publish: Publish) -> Ends[OpenRequest]:
    """Make what a `Sweeper` does; publishing raises Unavailable."""

    async def end(request: OpenRequest) -> None:
        await publish(lost(request, now=datetime.now(UTC)))
        observability.record_request_lost(request)

    return Ends(end, observability.record_sweep_waits)


def lost(request: OpenRequest, *, now: datetime) -> Envelope:
    """Make the event that ends a request which is lost.

    Its id is that of the event that any other end would have: there is one only.
    """
    identity = f"{request.device_id}.{request.request_id}"
    fact = RequestCompleted(
        id=identity,
        time=now,
        revision=int(now.timestamp() * 1_000_000),
        account_id=request.account_id,
        device_id=request.device_id,
        endpoint_name=request.endpoint_name,
        request_id=request.request_id,
        key_id=request.key_id,
        async_id=request.async_id,
        method=request.method,
        path=request.path,
        outcome=RequestOutcome.REMOVED,
    )
    return Envelope(
        identity,
        FactName.REQUEST_COMPLETED,
        request.account_id,
        request.device_id,
        now.isoformat(),
        facts.build(fact),
    )
