"""The notifier service, put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

from homeport.errors import Unavailable
from homeport.events import publisher, subjects
from homeport.pki import nkeys
from homeport.runtime import addresses, bus
from homeport.runtime.course import course
from homeport.runtime.probes import Probes
from homeport.runtime.serving import serve
from homeport.runtime.sweeping import Sweeper
from homeport.runtime.tasks import end, vital
from homeport.store.trust import TrustView
from homeport.store.trust_changes import TrustChanges
from services.notifier import http
from services.notifier.books import Books
from services.notifier.bus import broker
from services.notifier.channels import signing_secrets
from services.notifier.channels.channels import Callback, Channel, Kind
from services.notifier.channels.claims import claims
from services.notifier.channels.delivery import Delivery
from services.notifier.channels.insistence import Insistence, Pace
from services.notifier.channels.interests import Interests
from services.notifier.channels.ledger import Ledger
from services.notifier.channels.remembered import Remembered
from services.notifier.channels.roster import Roster
from services.notifier.channels.store import ChannelStore
from services.notifier.channels.unattended import Stores, Unattended
from services.notifier.channels.webhooks import Webhooks, webhooks
from services.notifier.config import NotifierSettings
from services.notifier.device_requests import sweeping
from services.notifier.device_requests.open_requests import OpenRequest
from services.notifier.ground import Ground, ground
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.nats_users.nats_authorization import Authorization
from services.notifier.nats_users.nats_granting import Granting
from services.notifier.revocations import Revocations
from services.notifier.stream.inbox import Inbox

SETTINGS = NotifierSettings


@asynccontextmanager
async def service(
    settings: NotifierSettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: channels are served. Left: none is any more, and none is lost."""
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(ground(settings))
        applications = await stack.enter_async_context(webhooks(settings))
        stored = ChannelStore(base.engine, settings.keyring)
        ledger = Ledger(base.engine)
        await signing_secrets.seal_plain(base.engine, settings.keyring)
        roster = _roster(settings, base, applications, stored, ledger)
        probes.add("nats", lambda: bus.check(base.nats))
        probes.add("channels", roster.check)
        facts = broker(settings.nats_url, Books(base.engine), base.observing)
        await facts.start()
        stack.push_async_callback(facts.stop)
        opened: dict[str, str] = {}
        if settings.http_port is not None:
            routes = await stack.enter_async_context(http.application(settings))
            port = await stack.enter_async_context(
                serve(routes, settings.http_host, settings.http_port)
            )
            opened["http"] = addresses.url("http", settings.http_host, port)
        revocations = Revocations(
            TrustView(base.redis),
            stored,
            base.subscriptions,
            base.sources.cursors,
            discard=base.inboxes.discard,
            seconds=settings.key_sweep_seconds,
        )
        if granting := http.granting(settings, base):
            await _authorization(settings, granting).listen(base.nats)
            stack.push_async_callback(end, vital(granting.watch()))
        for work in (
            roster.run(),
            _expire(ledger, settings),
            _sweeper(settings, base).run(),
            _unattended(settings, base, stored).run(),
            revocations.hear(TrustChanges(base.redis, edge=base.identity)),
            revocations.watch(),
        ):
            stack.push_async_callback(end, vital(work))
        yield opened


def _roster(
    settings: NotifierSettings,
    base: Ground,
    applications: Webhooks,
    stored: ChannelStore,
    ledger: Ledger,
) -> Roster:
    pace = Pace(timedelta(seconds=settings.webhook_patience_seconds))

    async def deliver(channel: Channel, inbox: Inbox) -> bool:
        if not isinstance(channel.way, Callback):
            return False
        calls = Insistence(
            channel, channel.way, put=applications.put, failures=ledger, pace=pace
        )
        return await Delivery(
            channel,
            inbox,
            addressee=base.addressees.of,
            hand_over=calls.hand_over,
        ).run()

    return Roster(
        Kind.CALLBACK,
        wanted=Remembered(stored, Kind.CALLBACK).read,
        claims=partial(
            claims,
            settings.postgres_url.get_secret_value(),
            Kind.CALLBACK,
            base.interests,
        ),
        serve=partial(base.inboxes.serve, deliver),
        poll_seconds=settings.channel_poll_seconds,
    )


def _sweeper(settings: NotifierSettings, base: Ground) -> Sweeper[OpenRequest]:
    return Sweeper(
        base.open_requests,
        base.queue,
        course(base.redis, base.nats, subjects.NOTIFIER_DURABLE),
        sweeping.ends(lambda envelope: publisher.publish(base.nats, [envelope])),
        clock=base.clock,
        buckets=settings.buckets,
        seconds=settings.request_sweep_seconds,
    )


def _authorization(settings: NotifierSettings, granting: Granting) -> Authorization:
    seed = settings.nats_issuer_seed
    key = nkeys.parse_seed(seed.get_secret_value() if seed else "")
    return Authorization(key, granting.stored)


def _unattended(
    settings: NotifierSettings, base: Ground, stored: ChannelStore
) -> Unattended:
    return Unattended(
        base.sources.places,
        Stores(
            stored,
            ConsumerStore(base.engine, most=settings.consumers_per_account),
            base.sources.cursors,
        ),
        claims=partial(
            claims,
            settings.postgres_url.get_secret_value(),
            Kind.CALLBACK,
            Interests(base.subscriptions.interest),
        ),
        seconds=settings.cursor_sweep_seconds,
    )


async def _expire(ledger: Ledger, settings: NotifierSettings) -> None:
    """Remove channels that nobody uses, for ever; any replica may."""
    while True:
        with suppress(Unavailable):
            await ledger.expire(
                polls=timedelta(seconds=settings.pull_idle_seconds),
                sockets=timedelta(seconds=settings.socket_idle_seconds),
            )
        await asyncio.sleep(settings.channel_poll_seconds)
