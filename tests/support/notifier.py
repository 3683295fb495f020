"""The notifier as tests drive it: its service, its routes, and events for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
from nats.aio.client import Client
from pydantic import SecretStr

from homeport import names
from homeport.events import publisher
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName
from homeport.names import AccountId
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from homeport.store import connection, trust
from homeport.store.trust import Grant, Role, TrustView
from services.notifier import http
from services.notifier.app import service
from services.notifier.config import NotifierSettings

ACCOUNT = AccountId("a" * 32)
KEY = "ak_1" + "b" * 60
TIME = "2026-11-24T14:20:05.123456Z"


@dataclass(frozen=True, slots=True)
class Site:
    """The servers, the routes of one process, and the bus."""

    settings: NotifierSettings
    client: httpx.AsyncClient
    nats: Client
    trust: TrustView

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

    async def crash(self) -> asyncio.Task[None]:
        """Start a replica that its caller ends without any farewell."""
        ready = asyncio.Event()

        async def run() -> None:
            async with self.running():
                ready.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(run())
        await ready.wait()
        return task


@asynccontextmanager
async def site(
    redis_url: str, nats_url: str, postgres_url: str, **settings: float
) -> AsyncIterator[Site]:
    """Open the routes of the notifier on real servers; KEY may call them."""
    made = NotifierSettings(
        redis_url=redis_url,
        nats_url=nats_url,
        postgres_url=SecretStr(postgres_url),
        **settings,  # type: ignore[arg-type] # tests set numbers only
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
        opened = Site(made, client, nats, TrustView(redis))
        client.headers.update(await opened.allow(KEY, "b" * 32))
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
