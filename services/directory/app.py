"""The directory service, put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from homeport.errors import InvalidConfiguration
from homeport.names import PLATFORM_ACCOUNT
from homeport.runtime import addresses, bus, database
from homeport.runtime.probes import Probes
from homeport.runtime.serving import serve
from homeport.runtime.tasks import end, vital
from homeport.store import connection
from homeport.store.trust import TrustView
from services.directory import http
from services.directory.accounts.accounts import AccountStore
from services.directory.bus import broker
from services.directory.chores import Chores, keep_history, project_trust
from services.directory.claims.claims import ClaimStore
from services.directory.claims.enrollment_tasks import TaskStore
from services.directory.claims.unclaimed import UnclaimedStore
from services.directory.config import DirectorySettings, hosts
from services.directory.credentials.authority_store import AuthorityStore
from services.directory.devices.history import HistoryStore
from services.directory.devices.inventory import Inventory
from services.directory.renewals import bus as renewals
from services.directory.renewals.enrollments import EnrollmentStore
from services.directory.renewals.sweeping import sweep
from services.directory.schema import MIGRATIONS, SCHEMA
from services.directory.store import DeviceStore
from services.directory.trust.projection import projecting

SETTINGS = DirectorySettings


@asynccontextmanager
async def service(
    settings: DirectorySettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: facts are stored and who may come is known. Left: none is half done.

    Raises InvalidConfiguration for a default key without an account, and for a secret
    that does not open what is kept.
    """
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        nats = await stack.enter_async_context(
            bus.connection(settings.nats_url, settings.stream)
        )
        engine = await stack.enter_async_context(
            database.connections(
                settings.postgres_url.get_secret_value(),
                schema=SCHEMA,
                migrations=MIGRATIONS,
                migrate=settings.postgres_migrate,
            )
        )
        probes.add("redis", partial(connection.check, redis))
        probes.add("nats", partial(bus.check, nats))
        probes.add("postgres", partial(database.check, engine))
        accounts = AccountStore(engine)
        await _ensure_keys(settings, accounts)
        await AuthorityStore(engine, settings.keyring, hosts(settings)).establish()
        projection = projecting(
            engine, redis, settings.keyring, buckets=settings.buckets
        )
        await project_trust(projection)
        history = HistoryStore(engine, days=settings.device_event_days)
        await keep_history(history)
        enrollments = EnrollmentStore(engine, days=settings.device_event_days)
        facts = broker(
            settings.nats_url,
            DeviceStore(engine),
            projection,
            renewals.router(enrollments),
        )
        await facts.start()
        stack.push_async_callback(facts.stop)
        opened: dict[str, str] = {}
        if settings.http_port is not None:
            routes = await stack.enter_async_context(http.application(settings))
            port = await stack.enter_async_context(
                serve(routes, settings.http_host, settings.http_port)
            )
            opened["http"] = addresses.url("http", settings.http_host, port)
        chores = Chores(
            projection=projection,
            accounts=accounts,
            view=TrustView(redis),
            claims=ClaimStore(engine, days=settings.enrollment_days),
            tasks=TaskStore(engine, days=settings.enrollment_days),
            inventory=Inventory(engine),
            history=history,
            unclaimed=UnclaimedStore(engine, days=settings.device_event_days),
            enrollments=enrollments,
            sweep=sweep(settings, redis, nats, enrollments),
        )
        for task in (
            vital(chores.keep_trust(settings.trust_poll_seconds)),
            vital(chores.work_off(settings.task_poll_seconds)),
            vital(chores.keep_history(settings.history_poll_seconds)),
            vital(chores.sweep_renewals(settings.renewal_sweep_seconds)),
        ):
            stack.push_async_callback(end, task)
        yield opened


async def _ensure_keys(settings: DirectorySettings, accounts: AccountStore) -> None:
    if settings.platform_api_key is not None:
        platform = settings.platform_api_key.get_secret_value()
        await accounts.ensure(PLATFORM_ACCOUNT, platform)
    account, key = settings.default_account_id, settings.default_api_key
    if account is not None:
        await accounts.ensure(account, key.get_secret_value() if key else None)
    elif key is not None:
        raise InvalidConfiguration(
            "HOMEPORT_DEFAULT_API_KEY", "needs HOMEPORT_DEFAULT_ACCOUNT_ID"
        )
