"""The REST routes of the notifier: a key's channel, and what it asks of devices."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI

from homeport.runtime import rest
from homeport.runtime.quotas import Quotas
from homeport.runtime.tasks import end, vital
from homeport.store.memberships import Memberships
from homeport.store.trust import Grant, TrustView
from services.notifier import answers
from services.notifier.bodies import ChannelInfo
from services.notifier.channels import (
    handlers,
    http_backlogs,
    http_callbacks,
    http_polls,
    http_sockets,
    http_websockets,
)
from services.notifier.channels.channels import Channel, Kind
from services.notifier.channels.claims import claims
from services.notifier.channels.delivery import Delivery
from services.notifier.channels.ledger import Ledger
from services.notifier.channels.polls import Polls
from services.notifier.channels.roster import Roster
from services.notifier.channels.sockets import Sockets
from services.notifier.channels.store import ChannelStore
from services.notifier.channels.webhooks import webhooks
from services.notifier.config import NotifierSettings
from services.notifier.device_requests import (
    http_endpoints,
    http_requests,
    http_resources,
    http_values,
)
from services.notifier.ground import Ground, ground
from services.notifier.named_consumers import http_consumers, http_event_streams
from services.notifier.named_consumers.consumer_readers import Readers
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.named_consumers.consuming import Consuming
from services.notifier.nats_users import http_nats_users
from services.notifier.nats_users.nats_granting import Granting
from services.notifier.nats_users.nats_user_bodies import public
from services.notifier.nats_users.nats_user_store import NatsUserStore
from services.notifier.ports import Ports
from services.notifier.stream.inbox import Inbox
from services.notifier.subscriptions import http_presubscriptions, http_subscriptions
from services.notifier.subscriptions.subscribing import Subscribing

PREFIXES = (
    "/v2/notification",
    "/v2/device-requests",
    "/v2/endpoints",
    "/v2/subscriptions",
    "/v2/values",
)


@asynccontextmanager
async def application(settings: NotifierSettings) -> AsyncIterator[FastAPI]:
    """Open what the routes need and make them; raise Unavailable.

    Entered: sockets and long polls are served, too.
    """
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(ground(settings))
        callers = await stack.enter_async_context(webhooks(settings))
        stored = ChannelStore(base.engine, settings.keyring)
        ledger = Ledger(base.engine)
        sockets = Sockets(stored, ledger)
        roster = _roster(settings, base, sockets)
        collect = base.inboxes.collect
        serving = vital(roster.run())
        stack.push_async_callback(end, serving)
        await roster.begun()
        yield routes(
            Ports(
                trust=TrustView(base.redis),
                quotas=Quotas(settings.http_requests_per_second),
                stored=stored,
                ledger=ledger,
                put=callers.put,
                collect=collect,
                backlog=base.inboxes.state,
                polls=Polls(
                    stored,
                    ledger,
                    base.inboxes,
                    claims=roster.held,
                    addressee=base.addressees.of,
                    seconds=settings.pull_seconds,
                ),
                sockets=sockets,
                ping_seconds=settings.socket_ping_seconds,
                requests=base.requests,
                queue=base.queue,
                endpoints=base.endpoints,
                definitions=base.definitions,
                subscriptions=base.subscriptions,
                subscribing=Subscribing(
                    base.queue, base.requests, base.subscriptions, base.observing
                ),
                consuming=_consuming(settings, base),
                memberships=Memberships(base.redis),
                granting=granting(settings, base),
                nats_url=settings.nats_public_url or public(settings.nats_url),
            )
        )


def granting(settings: NotifierSettings, base: Ground) -> Granting | None:
    """Make what lets applications read from NATS, where NATS is configured for it."""
    if settings.nats_issuer_seed is None:
        return None
    stored = NatsUserStore(base.engine, most=settings.nats_users_per_account)
    return Granting(base.nats, stored, seconds=settings.key_sweep_seconds)


def _consuming(settings: NotifierSettings, base: Ground) -> Consuming:
    stored = ConsumerStore(base.engine, most=settings.consumers_per_account)
    return Consuming(
        stored,
        base.sources.cursors,
        base.sources.places,
        Readers(base.sources, stored),
    )


def _roster(settings: NotifierSettings, base: Ground, sockets: Sockets) -> Roster:
    async def deliver(channel: Channel, inbox: Inbox) -> bool:
        socket = sockets.of(channel)
        return (
            socket is not None
            and await Delivery(
                channel,
                inbox,
                addressee=base.addressees.of,
                hand_over=socket.hand_over,
            ).run()
        )

    return Roster(
        Kind.WEB_SOCKET,
        wanted=sockets.wanted,
        claims=partial(
            claims,
            settings.postgres_url.get_secret_value(),
            Kind.WEB_SOCKET,
            base.interests,
        ),
        serve=partial(base.inboxes.serve, deliver),
        poll_seconds=settings.channel_poll_seconds,
    )


def routes(ports: Ports) -> FastAPI:
    """Make the application from what its routes need."""
    made = FastAPI(
        title="Homeport notifications and device requests",
        version="2",
        openapi_url=f"{PREFIXES[0]}/openapi.json",
        docs_url=f"{PREFIXES[0]}/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    made.add_middleware(rest.Border)
    answers.add_refusals(made)
    caller = Depends(
        rest.caller(ports.trust, quotas=ports.quotas, refused=answers.unknown_key)
    )
    for module in (
        http_callbacks,
        http_polls,
        http_websockets,
        http_sockets,
        http_requests,
        http_endpoints,
        http_resources,
        http_subscriptions,
        http_presubscriptions,
        http_values,
        http_backlogs,
        http_consumers,
        http_event_streams,
        http_nats_users,
    ):
        rest.add_routes(made, module.routes(ports, caller=caller))

    @made.get("/v2/notification/channel", responses=answers.words(401, 403, 404))
    async def get_channel(grant: Annotated[Grant, caller]) -> ChannelInfo:
        """Say how this key's notifications are delivered."""
        channel = answers.found(await handlers.get_channel(grant, stored=ports.stored))
        return ChannelInfo(delivery_mechanism=channel.kind)

    return made
