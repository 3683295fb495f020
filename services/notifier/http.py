"""The REST routes of the notifier: an API key's notification channel."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI

from homeport.runtime import bus, rest
from homeport.runtime.database import connections
from homeport.runtime.tasks import end, vital
from homeport.store import connection
from homeport.store.trust import Grant, TrustView
from services.notifier import (
    answers,
    consumers,
    handlers,
    http_callbacks,
    http_polls,
    http_sockets,
    http_websockets,
)
from services.notifier.bodies import ChannelInfo
from services.notifier.channels import Channel, Kind
from services.notifier.claims import claims
from services.notifier.config import NotifierSettings
from services.notifier.delivery import Delivery
from services.notifier.ledger import Ledger
from services.notifier.polls import Polls, Source
from services.notifier.ports import Ports
from services.notifier.roster import Roster
from services.notifier.schema import MIGRATIONS, SCHEMA
from services.notifier.sockets import Sockets
from services.notifier.store import ChannelStore
from services.notifier.webhooks import webhooks

PREFIXES = ("/v2/notification",)


@asynccontextmanager
async def application(settings: NotifierSettings) -> AsyncIterator[FastAPI]:
    """Open what the routes need and make them; raise Unavailable.

    Entered: sockets and long polls are served, too.
    """
    postgres_url = settings.postgres_url.get_secret_value()
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        nats = await stack.enter_async_context(bus.connection(settings.nats_url))
        engine = await stack.enter_async_context(
            connections(postgres_url, schema=SCHEMA, migrations=MIGRATIONS)
        )
        callers = await stack.enter_async_context(webhooks(settings))
        stored, ledger = ChannelStore(engine), Ledger(engine)
        sockets = Sockets(stored, ledger)
        inbox = partial(consumers.inbox, nats)
        collect = partial(consumers.ensure, nats)

        async def deliver(channel: Channel) -> None:
            socket = sockets.of(channel)
            if socket is not None:
                await Delivery(channel, inbox=inbox, hand_over=socket.hand_over).run()

        roster = Roster(
            Kind.WEB_SOCKET,
            wanted=sockets.wanted,
            claims=partial(claims, postgres_url, Kind.WEB_SOCKET),
            serve=deliver,
            poll_seconds=settings.channel_poll_seconds,
        )
        serving = vital(roster.run())
        stack.push_async_callback(end, serving)
        await roster.begun()
        yield routes(
            Ports(
                trust=TrustView(redis),
                stored=stored,
                ledger=ledger,
                put=callers.put,
                collect=collect,
                waiting=partial(consumers.waiting, nats),
                polls=Polls(
                    stored,
                    ledger,
                    Source(collect, inbox, partial(consumers.acknowledge, nats)),
                    claims=roster.held,
                    seconds=settings.pull_seconds,
                ),
                sockets=sockets,
                ping_seconds=settings.socket_ping_seconds,
            )
        )


def routes(ports: Ports) -> FastAPI:
    """Make the application from what its routes need."""
    made = FastAPI(
        title="Homeport notifications",
        version="2",
        openapi_url=f"{PREFIXES[0]}/openapi.json",
        docs_url=f"{PREFIXES[0]}/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    made.add_middleware(rest.Border)
    answers.add_refusals(made)
    caller = Depends(rest.caller(ports.trust, refused=answers.unknown_key))
    for module in (http_callbacks, http_polls, http_websockets, http_sockets):
        made.include_router(module.routes(ports, caller=caller))

    @made.get("/v2/notification/channel", responses=answers.words(401, 403, 404))
    async def get_channel(grant: Annotated[Grant, caller]) -> ChannelInfo:
        """Say how this key's notifications are delivered."""
        channel = answers.found(await handlers.get_channel(grant, stored=ports.stored))
        return ChannelInfo(delivery_mechanism=channel.kind)

    return made
