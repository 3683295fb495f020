"""The REST routes of the directory, and what they stand on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI

from homeport import names
from homeport.events.client import BusClient
from homeport.runtime import bus, rest
from homeport.runtime.database import connections, direct
from homeport.runtime.quotas import Quotas
from homeport.store import connection
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection
from homeport.store.edges import EdgeRegistry
from homeport.store.queue import RequestQueue
from homeport.store.sessions import SessionStore
from homeport.store.trust import TrustView
from services.directory import answers
from services.directory.accounts import http_accounts, http_api_keys
from services.directory.accounts.accounts import AccountStore
from services.directory.bootstrap import (
    http_bootstrap_configurations,
    http_object_definitions,
)
from services.directory.bootstrap.bootstrap_configurations import ConfigurationStore
from services.directory.bootstrap.object_definitions import DefinitionStore
from services.directory.catalog import Catalog
from services.directory.claims import http_enrollment_tasks, http_enrollments
from services.directory.claims.claims import ClaimStore
from services.directory.claims.enrollment_tasks import TaskStore
from services.directory.config import (
    DirectorySettings,
    addresses,
    handovers,
    hosts,
)
from services.directory.credentials import (
    http_authorities,
    http_certificates,
    http_proofs,
    http_shared_keys,
)
from services.directory.credentials.authority_store import AuthorityStore
from services.directory.credentials.shared_keys import SharedKeyStore
from services.directory.credentials.trusted import CertificateStore
from services.directory.devices import (
    http_devices,
    http_events,
    http_groups,
    http_queries,
    http_suspensions,
)
from services.directory.devices.groups import MembershipStore
from services.directory.devices.inventory import Inventory
from services.directory.devices.standing import Standing
from services.directory.objects import ObjectStore
from services.directory.ports import Ports
from services.directory.renewals import http_issuers, http_renewals
from services.directory.renewals.enrollments import EnrollmentStore
from services.directory.renewals.issuer_configurations import IssuerConfigurationStore
from services.directory.renewals.renewing import Asking, Renewing
from services.directory.schema import (
    MIGRATIONS,
    SCHEMA,
    device_groups,
    device_queries,
)
from services.directory.trust.projection import projecting

PREFIXES = ("/v3", "/v2/device-shared-keys")


@asynccontextmanager
async def application(settings: DirectorySettings) -> AsyncIterator[FastAPI]:
    """Open what the routes need and make them; raise Unavailable."""
    keyring = settings.keyring
    postgres_url = settings.postgres_url.get_secret_value()
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        engine = await stack.enter_async_context(
            connections(
                postgres_url,
                schema=SCHEMA,
                migrations=MIGRATIONS,
                migrate=settings.postgres_migrate,
            )
        )
        single = await stack.enter_async_context(direct(postgres_url))
        nats = await stack.enter_async_context(
            bus.connection(settings.nats_url, settings.stream)
        )
        asking = _asking(settings, redis, nats)
        enrollments = EnrollmentStore(engine, days=settings.device_event_days)
        yield routes(
            Ports(
                trust=TrustView(redis),
                quotas=Quotas(settings.http_requests_per_second),
                accounts=AccountStore(engine),
                catalog=Catalog(engine, single),
                sessions=asking.sessions,
                certificates=CertificateStore(engine, keyring),
                shared_keys=SharedKeyStore(engine, keyring),
                authorities=AuthorityStore(engine, keyring, hosts(settings)),
                configurations=ConfigurationStore(engine, keyring),
                definitions=DefinitionStore(engine),
                renewing=Renewing(asking, enrollments),
                issuers=IssuerConfigurationStore(engine),
                projection=projecting(engine, redis, keyring, buckets=settings.buckets),
                inventory=Inventory(engine),
                groups=ObjectStore(engine, device_groups, kind="group"),
                members=MembershipStore(engine),
                queries=ObjectStore(engine, device_queries, kind="query"),
                claims=ClaimStore(engine, days=settings.enrollment_days),
                tasks=TaskStore(engine, days=settings.enrollment_days),
                standing=Standing(redis, buckets=settings.buckets),
                addresses=addresses(settings),
                handovers=handovers(settings),
                operator=settings.default_account_id,
            )
        )


def _asking(settings: DirectorySettings, redis: Connection, nats: BusClient) -> Asking:
    clock = StoreClock(asyncio.get_running_loop().time)
    sessions = SessionStore(
        redis,
        clock,
        edge=names.new_edge_id("directory"),
        buckets=settings.buckets,
    )
    return Asking(
        sessions,
        RequestQueue(redis, sessions),
        EdgeRegistry(redis, clock),
        clock,
        partial(bus.poke, nats),
    )


def routes(ports: Ports) -> FastAPI:
    """Make the application from what its routes need."""
    made = FastAPI(
        title="Homeport directory",
        version="3",
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
        http_api_keys,
        http_accounts,
        http_devices,
        http_events,
        http_suspensions,
        http_groups,
        http_queries,
        http_enrollments,
        http_enrollment_tasks,
        http_certificates,
        http_proofs,
        http_authorities,
        http_bootstrap_configurations,
        http_object_definitions,
        http_shared_keys,
        http_renewals,
        http_issuers,
    ):
        rest.add_routes(made, module.routes(ports, caller=caller))
    return made
