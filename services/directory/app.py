"""The directory service, put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.runtime import addresses, bus, database
from homeport.runtime.probes import Probes
from homeport.runtime.serving import serve
from homeport.runtime.tasks import end, vital
from homeport.store import connection
from homeport.store.trust import TrustView
from services.directory import handlers, http, observability
from services.directory.accounts import AccountStore
from services.directory.bus import broker
from services.directory.config import DirectorySettings
from services.directory.schema import MIGRATIONS, SCHEMA
from services.directory.store import DeviceStore

SETTINGS = DirectorySettings


@asynccontextmanager
async def service(
    settings: DirectorySettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: facts are stored and the default key is let in. Left: none is half done.

    Raises InvalidConfiguration for a default key without an account.
    """
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        nats = await stack.enter_async_context(bus.connection(settings.nats_url))
        engine = await stack.enter_async_context(
            database.connections(
                settings.postgres_url.get_secret_value(),
                schema=SCHEMA,
                migrations=MIGRATIONS,
            )
        )
        probes.add("redis", partial(connection.check, redis))
        probes.add("nats", partial(bus.check, nats))
        probes.add("postgres", partial(database.check, engine))
        accounts, view = AccountStore(engine), TrustView(redis)
        await _ensure_default(settings, accounts)
        await _project_trust(accounts, view)
        facts = broker(settings.nats_url, DeviceStore(engine))
        await facts.start()
        stack.push_async_callback(facts.stop)
        opened: dict[str, str] = {}
        if settings.http_port is not None:
            routes = await stack.enter_async_context(http.application(settings))
            port = await stack.enter_async_context(
                serve(routes, settings.http_host, settings.http_port)
            )
            opened["http"] = addresses.url("http", settings.http_host, port)
        keeping = vital(_keep_trust(accounts, view, settings.trust_poll_seconds))
        stack.push_async_callback(end, keeping)
        yield opened


async def _ensure_default(settings: DirectorySettings, accounts: AccountStore) -> None:
    account, key = settings.default_account_id, settings.default_api_key
    if account is not None:
        await accounts.ensure(account, key.get_secret_value() if key else None)
    elif key is not None:
        raise InvalidConfiguration(
            "HOMEPORT_DEFAULT_API_KEY", "needs HOMEPORT_DEFAULT_ACCOUNT_ID"
        )


async def _project_trust(accounts: AccountStore, view: TrustView) -> None:
    keys = await accounts.keys()
    if await handlers.project_trust(keys, view):
        observability.record_trust_written(len(keys))


async def _keep_trust(accounts: AccountStore, view: TrustView, seconds: float) -> None:
    """Compare the trust view for ever; Redis may have lost it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await _project_trust(accounts, view)
        except Unavailable as error:
            observability.record_trust_waits(str(error))
