"""The directory as tests drive it: facts for it, its service, its routes."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import orjson
from nats.aio.client import Client
from nats.errors import Error as NatsError
from pydantic import SecretStr

from homeport import names
from homeport.events import facts, publisher, streams
from homeport.events.cloudevents import Envelope
from homeport.events.facts import AnyFact, Fact, FactName
from homeport.names import AccountId, DeviceId, EdgeId
from homeport.pki import authorities, pem
from homeport.pki.authorities import Authority
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from homeport.store import connection, trust
from homeport.store.trust import Grant, Role, TrustView
from homeport.store.trust_changes import News, TrustChanges
from homeport.store.trust_reader import TrustReader
from services.directory import http
from services.directory.app import service
from services.directory.config import DirectorySettings
from services.directory.schema import metadata
from tests.support.keyring import SECRET_KEY
from tests.support.polling import until

ACCOUNT = AccountId("a" * 32)
OTHER_ACCOUNT = AccountId("b" * 32)
KEY = "ak_1" + "c" * 60
START = datetime(2026, 11, 24, 14, 20, 5, tzinfo=UTC)

_END_OTHERS = """\
SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""

_ACCOUNT = """\
INSERT INTO directory.accounts (id) VALUES ($1) ON CONFLICT DO NOTHING
"""
_API_KEY = """\
INSERT INTO directory.api_keys
    (id, account_id, digest, key, name, role, status, owner, groups)
VALUES ($1, $2, $3, '', 'allowed', $4, 'ACTIVE', '', '[]') ON CONFLICT DO NOTHING
"""

_REST: Mapping[str, Any] = {
    "registration_id": "r",
    "lifetime": 60,
    "expires_at": START,
    "binding": "U",
    "queue_mode": False,
    "lwm2m_version": "1.1",
    "endpoint_type": "kettle",
    "profile": "standard",
    "resources": [{"path": "/3/0"}, {"path": "/3/0/9", "obs": True}],
    "changes": ["lifetime"],
    "step": "PUT /0",
    "code": "4.00",
    "reason": "it did not want to",
    "requests": ["1"],
}


def device_of(name: str = "urn:dev:1", account: AccountId = ACCOUNT) -> DeviceId:
    """Return the id of a device."""
    return names.device_id(account, names.parse_endpoint_name(name))


def fact(
    name: FactName,
    number: int = 1,
    *,
    device: str = "urn:dev:1",
    account: AccountId = ACCOUNT,
    **changed: object,
) -> AnyFact:
    """Make a fact as the store does; ``number`` orders it, a second apart."""
    identity = device_of(device, account)
    common = {
        "fact": name.value,
        "id": f"{identity}.{number}",
        "time": START + timedelta(seconds=number),
        "revision": number,
        "account_id": account,
        "device_id": identity,
        "endpoint_name": device,
    }
    return facts.parse(orjson.dumps({**_REST, **common, **changed}))


def envelope(told: Fact) -> Envelope:
    """Make the event of a fact."""
    return Envelope(
        told.id,
        told.name,
        AccountId(told.account_id),
        DeviceId(told.device_id),
        told.time.isoformat(),
        facts.build(told),
    )


@dataclass(frozen=True, slots=True)
class Site:
    """The servers, the routes of one process, and the bus."""

    settings: DirectorySettings
    client: httpx.AsyncClient
    nats: Client
    trust: TrustView
    entries: TrustReader
    allowed: dict[str, Grant] = field(default_factory=dict)
    replicas: list[Probes] = field(default_factory=list)

    async def renew(self) -> None:
        """Let KEY in, and have a stream, after all servers were emptied."""
        self.allowed.clear()
        await until(self._has_stream)
        await self.trust.put_fingerprint("whole")
        self.client.headers.update(await self.allow(KEY, ACCOUNT))

    async def _has_stream(self) -> bool:
        # While the loop rested, NATS may have taken its client for gone.
        try:
            await streams.ensure(self.nats.jetstream(), self.settings.stream)
        except NatsError:
            return False
        return True

    async def allow(
        self, key: str, account: AccountId, *, role: Role = "administrator"
    ) -> dict[str, str]:
        """Let a key in; return the header that presents it."""
        grant = Grant("d" * 32 if key == KEY else trust.digest(key)[:32], account, role)
        await self.trust.put_api_key(trust.digest(key), grant)
        self.allowed[trust.digest(key)] = grant
        if self.replicas:
            await self.keep_allowed()
        return {"authorization": f"Bearer {key}"}

    async def happen(self, *told: Fact) -> None:
        """Publish facts as an edge does."""
        envelopes = [envelope(each) for each in told]
        for start in range(0, len(envelopes), publisher.MAX_BATCH):
            await publisher.publish(
                self.nats, envelopes[start : start + publisher.MAX_BATCH]
            )

    async def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """Call a route that answers."""
        answer = await self.client.get(path, params=parameters or None)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def send(
        self, method: str, path: str, body: object = None, *, status: int = 200
    ) -> Any:
        """Call a route with a JSON body; return what it answers, if anything."""
        answer = await self.client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def total(self, path: str = "/v3/devices/", **parameters: str) -> int:
        """Count the objects of a list."""
        body = await self.get(path, limit=2, include="total_count", **parameters)
        return int(body["total_count"])

    async def until_total(self, count: int, path: str = "/v3/devices/") -> None:
        """Wait until a list has so many objects."""

        async def enough() -> bool:
            return await self.total(path) >= count

        await until(enough)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncGenerator[News, None]]:
        """Hear what edges are told of the trust view from now on."""
        redis = await connection.connect(self.settings.redis_url)
        try:
            changes = TrustChanges(redis, edge=EdgeId("edge"))
            async with aclosing(aiter(changes)) as heard:
                await anext(heard)
                yield heard
        finally:
            await redis.aclose()

    @asynccontextmanager
    async def running(self, **changed: object) -> AsyncIterator[Probes]:
        """Run one replica of the service, which forgets no key that was let in."""
        probes = Probes()
        await self.keep_allowed()
        self.replicas.append(probes)
        try:
            async with service(self.settings.model_copy(update=changed), probes):
                yield probes
        finally:
            self.replicas.remove(probes)

    async def keep_allowed(self) -> None:
        """Let PostgreSQL know the keys, too: a view that is written again has them."""
        url = self.settings.postgres_url.get_secret_value()
        postgres = await asyncpg.connect(url)
        try:
            for digest, grant in self.allowed.items():
                await postgres.execute(_ACCOUNT, grant.account)
                await postgres.execute(
                    _API_KEY, grant.key_id, grant.account, digest, grant.role
                )
        finally:
            await postgres.close()


@asynccontextmanager
async def site(redis_url: str, nats_url: str, postgres_url: str) -> AsyncIterator[Site]:
    """Open the routes of the directory on real servers; KEY may call them."""
    settings = DirectorySettings(
        redis_url=redis_url,
        nats_url=nats_url,
        postgres_url=SecretStr(postgres_url),
        secret_key=SecretStr(SECRET_KEY),
        bootstrap_public_coaps="coaps://bootstrap.example:5784",
        lwm2m_public_coaps="coaps://lwm2m.example:5684",
        trust_poll_seconds=0.1,
        default_account_id=ACCOUNT,
        buckets=8,
    )
    async with AsyncExitStack() as stack:
        redis = await connection.connect(redis_url)
        stack.push_async_callback(redis.aclose)
        nats = await stack.enter_async_context(bus.connection(nats_url))
        routes = await stack.enter_async_context(http.application(settings))
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(routes), base_url="http://homeport"
            )
        )
        reader = TrustReader(redis, settings.keyring)
        opened = Site(settings, client, nats, TrustView(redis), reader)
        await opened.renew()
        yield opened


async def empty_database(url: str) -> None:
    """Delete all rows of the directory, whoever still holds some of them."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_END_OTHERS)
        for table in reversed(metadata.sorted_tables):
            await connection.execute(f"DELETE FROM {table}")
    finally:
        await connection.close()


def new_ca(name: str = "Factory CA") -> Authority:
    """Make a CA as a customer has one."""
    return authorities.create_issuer(name, now=datetime.now(UTC))


def pem_of(certificate: bytes) -> str:
    """Write a certificate as PEM."""
    return pem.build(pem.CERTIFICATE, certificate)


def key_pem_of(key: bytes) -> str:
    """Write a private key as PEM."""
    return pem.build(pem.PRIVATE_KEY, key)
