"""The notifier as tests drive it: its service, its routes, and events for it.

Everything is on real servers; ``Site.client`` calls the routes in this process, and
``Site.url`` is where a second replica of them listens.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import orjson
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect

from homeport import names
from homeport.events import publisher
from homeport.events.client import BusClient
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName
from homeport.names import AccountId
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from homeport.runtime.serving import serve
from homeport.store import connection, trust
from homeport.store.trust import Grant, Role, TrustView
from services.notifier import http
from services.notifier.app import service
from services.notifier.config import NotifierSettings
from tests.support.keyring import SECRET_KEY
from tests.support.polling import until
from tests.support.sessions import BUCKETS

ACCOUNT = AccountId("a" * 32)
KEY = "ak_1" + "b" * 60
KEY_ID = "b" * 32
LOOPBACK = "127.0.0.0/8,::1/128"
TIME = "2026-11-24T14:20:05.123456Z"


@dataclass(frozen=True, slots=True)
class Site:
    """The servers, the routes of one process, and the bus."""

    settings: NotifierSettings
    client: httpx.AsyncClient
    nats: BusClient
    trust: TrustView
    url: str

    async def allow(
        self,
        key: str,
        key_id: str,
        *,
        account: AccountId = ACCOUNT,
        role: Role = "administrator",
    ) -> dict[str, str]:
        """Let a key in; return the header that presents it."""
        await self.trust.put_api_key(trust.digest(key), Grant(key_id, account, role))
        return {"authorization": f"Bearer {key}"}

    async def subscribe(self, url: str, **body: object) -> None:
        """Set the callback of KEY."""
        answer = await self.client.put(
            "/v2/notification/callback", json={"url": url, **body}
        )
        assert answer.status_code == 204, answer.text

    async def listen(self, **serialization: object) -> None:
        """Make KEY's WebSocket channel, or set it again."""
        answer = await self.client.put(
            "/v2/notification/websocket", json={"serialization": serialization}
        )
        assert answer.status_code in (200, 201), answer.text

    def socket(self, *, url: str = "", key: str = KEY) -> connect:
        """Open the WebSocket of a key; leave it to close it."""
        return connect(
            f"{url or self.url}/v2/notification/websocket-connect".replace(
                "http", "ws", 1
            ),
            additional_headers={"authorization": f"Bearer {key}"} if key else {},
            proxy=None,
            compression=None,
        )

    @asynccontextmanager
    async def routes(self, **changed: object) -> AsyncIterator[str]:
        """Serve another replica of the routes; yield its URL."""
        settings = self.settings.model_copy(update=changed)
        async with (
            http.application(settings) as routes,
            serve(routes, "127.0.0.1", 0) as port,
        ):
            yield f"http://127.0.0.1:{port}"

    async def happen(self, *envelopes: Envelope) -> None:
        """Publish events as an edge does."""
        for start in range(0, len(envelopes), publisher.MAX_BATCH):
            await publisher.publish(
                self.nats, envelopes[start : start + publisher.MAX_BATCH]
            )

    @asynccontextmanager
    async def running(self, **changed: object) -> AsyncIterator[Probes]:
        """Run one replica of the service."""
        probes = Probes()
        async with service(self.settings.model_copy(update=changed), probes):
            yield probes

    async def until_served(self, *, served: bool = True) -> None:
        """Wait until KEY's channel is served, by whichever replica, or by none."""
        database = await asyncpg.connect(self.settings.postgres_url.get_secret_value())

        async def reached() -> bool:
            locks = await database.fetchval(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                " AND (classid::bigint << 32) | objid::bigint"
                f" = notifier.channel_lock('{KEY_ID}')"
            )
            return bool(locks) is served

        await until(reached)
        await database.close()

    async def query(self, statement: str) -> list[asyncpg.Record]:
        """Ask the database."""
        database = await asyncpg.connect(self.settings.postgres_url.get_secret_value())
        try:
            return list(await database.fetch(statement))
        finally:
            await database.close()

    async def cut_database(self) -> None:
        """End all connections to the database but our own."""
        administrator = await asyncpg.connect(
            self.settings.postgres_url.get_secret_value()
        )
        await administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await administrator.close()

    async def crash(self) -> asyncio.Task[None]:
        """Start a replica that its caller ends without any farewell."""
        ready = asyncio.Event()

        async def run() -> None:
            async with self.running():
                ready.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(run())
        async with asyncio.timeout(20):
            await ready.wait()
        return task


@asynccontextmanager
async def site(
    redis_url: str, nats_url: str, postgres_url: str, **settings: float | str
) -> AsyncIterator[Site]:
    """Open the routes of the notifier on real servers; KEY may call them."""
    settings.setdefault("webhook_networks", LOOPBACK)
    settings.setdefault("buckets", BUCKETS)
    made = NotifierSettings(
        redis_url=redis_url,
        nats_url=nats_url,
        postgres_url=SecretStr(postgres_url),
        secret_key=SecretStr(SECRET_KEY),
        **settings,  # type: ignore[arg-type] # numbers and texts, as they are declared
    )
    async with AsyncExitStack() as stack:
        redis = await connection.connect(redis_url)
        stack.push_async_callback(redis.aclose)
        nats = await stack.enter_async_context(bus.connection(nats_url))
        routes = await stack.enter_async_context(http.application(made))
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(routes), base_url="http://homeport"
            )
        )
        port = await stack.enter_async_context(serve(routes, "127.0.0.1", 0))
        opened = Site(made, client, nats, TrustView(redis), f"http://127.0.0.1:{port}")
        await opened.trust.put_fingerprint("whole")
        client.headers.update(await opened.allow(KEY, KEY_ID))
        yield opened


def event(
    fact: FactName,
    number: int,
    *,
    device: str = "urn:dev:1",
    account: AccountId = ACCOUNT,
    resources: str = '[{"path":"/3/0","obs":false}]',
) -> Envelope:
    """Make an event as the store does; ``number`` is its revision."""
    identity = names.device_id(account, names.parse_endpoint_name(device))
    event_id = f"{identity}.{number}"
    rest = ""
    if fact in (FactName.DEVICE_REGISTERED, FactName.REGISTRATION_UPDATED):
        rest = (
            ',"lifetime":60,"binding":"U","queue_mode":false,"lwm2m_version":"1.1",'
            '"endpoint_type":"","profile":"standard","parameters":{},'
            f'"expires_at":"{TIME}","changes":[],"resources":{resources}'
        )
    body = (
        f'{{"fact":"{fact}","id":"{event_id}","time":"{TIME}","revision":{number},'
        f'"account_id":"{account}","device_id":"{identity}",'
        f'"endpoint_name":"{device}","registration_id":"{identity}"{rest}}}'
    )
    return Envelope(event_id, fact, account, identity, TIME, body.encode())


def deregistrations(
    count: int, *, start: int = 0, account: AccountId = ACCOUNT
) -> Sequence[Envelope]:
    """Make events of as many devices."""
    return [
        event(
            FactName.DEVICE_DEREGISTERED, 1, device=f"urn:dev:{number}", account=account
        )
        for number in range(start, start + count)
    ]


async def responses(
    socket: ClientConnection, count: int, *, kind: str = "async-responses"
) -> list[Any]:
    """Receive messages until there are so many items of a kind; pass others over."""
    found: list[Any] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += orjson.loads(await socket.recv()).get(kind, [])
    return found
