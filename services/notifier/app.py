"""The notifier service, put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

from homeport.errors import Unavailable
from homeport.runtime import addresses, bus
from homeport.runtime.database import connections
from homeport.runtime.probes import Probes
from homeport.runtime.serving import serve
from homeport.runtime.tasks import end, vital
from services.notifier import http
from services.notifier.channels import Callback, Channel, Kind
from services.notifier.claims import claims
from services.notifier.config import NotifierSettings
from services.notifier.consumers import inbox
from services.notifier.delivery import Delivery
from services.notifier.insistence import Insistence, Pace
from services.notifier.ledger import Ledger
from services.notifier.roster import Roster
from services.notifier.schema import MIGRATIONS, SCHEMA
from services.notifier.store import ChannelStore
from services.notifier.webhooks import webhooks

SETTINGS = NotifierSettings


@asynccontextmanager
async def service(
    settings: NotifierSettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: channels are served. Left: none is any more, and none is lost."""
    postgres_url = settings.postgres_url.get_secret_value()
    pace = Pace(timedelta(seconds=settings.webhook_patience_seconds))
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(bus.connection(settings.nats_url))
        engine = await stack.enter_async_context(
            connections(postgres_url, schema=SCHEMA, migrations=MIGRATIONS)
        )
        applications = await stack.enter_async_context(webhooks(settings))
        stored, ledger = ChannelStore(engine), Ledger(engine)

        async def deliver(channel: Channel) -> None:
            if isinstance(channel.way, Callback):
                calls = Insistence(
                    channel,
                    channel.way,
                    put=applications.put,
                    failures=ledger,
                    pace=pace,
                )
                await Delivery(
                    channel, inbox=partial(inbox, nats), hand_over=calls.hand_over
                ).run()

        roster = Roster(
            Kind.CALLBACK,
            wanted=partial(stored.of_kind, Kind.CALLBACK),
            claims=partial(claims, postgres_url, Kind.CALLBACK),
            serve=deliver,
            poll_seconds=settings.channel_poll_seconds,
        )
        probes.add("nats", lambda: bus.check(nats))
        probes.add("channels", roster.check)
        opened: dict[str, str] = {}
        if settings.http_port is not None:
            routes = await stack.enter_async_context(http.application(settings))
            port = await stack.enter_async_context(
                serve(routes, settings.http_host, settings.http_port)
            )
            opened["http"] = addresses.url("http", settings.http_host, port)
        for work in (roster.run(), _expire(ledger, settings)):
            stack.push_async_callback(end, vital(work))
        yield opened


async def _expire(ledger: Ledger, settings: NotifierSettings) -> None:
    """Remove channels that nobody uses, for ever; any replica may."""
    while True:
        with suppress(Unavailable):
            await ledger.expire(
                polls=timedelta(seconds=settings.pull_idle_seconds),
                sockets=timedelta(seconds=settings.socket_idle_seconds),
            )
        await asyncio.sleep(settings.channel_poll_seconds)
