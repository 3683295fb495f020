"""Applications that stay connected: what each takes while something happens to it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
from websockets.asyncio.client import connect

from bench import channels
from bench.channels import LIVE, LIVE_BYTES_WANTED, LIVE_SECONDS, WOKEN
from bench.processes import SECRET, free_port, process, resident, servers, serving
from homeport.names import AccountId
from homeport.runtime import addresses, bus
from homeport.store import connection, trust
from homeport.store.trust import Grant, TrustView

Hears = Callable[[], Awaitable[object]]
"""Returns once its application has been told the next event."""


@dataclass(frozen=True, slots=True)
class Application:
    """An API key of an account of its own."""

    key: str
    account: AccountId

    @property
    def headers(self) -> dict[str, str]:
        """What presents the key."""
        return {"authorization": f"Bearer {self.key}"}


Open = Callable[[AsyncExitStack, httpx.AsyncClient, Application], Awaitable[Hears]]
"""Connects an application, until the stack is left."""


async def measure() -> bool:
    """Return whether both ways of being connected cost less than is wanted."""
    sockets = await _cost("a WebSocket that lives", _socket)
    return await _cost("a reader that lives", _reader) and sockets


async def _cost(name: str, open_: Open) -> bool:
    """Connect many, tell each something, and look what they take."""
    async with servers() as started, AsyncExitStack() as stack:
        port, probe = free_port(), free_port()
        notifier = await stack.enter_async_context(
            process(
                *("-m", "homeport", "run", "notifier"),
                HOMEPORT_REDIS_URL=started.redis_url,
                HOMEPORT_NATS_URL=started.nats_url,
                HOMEPORT_POSTGRES_URL=started.postgres_url,
                HOMEPORT_SECRET_KEY=SECRET,
                HOMEPORT_HTTP_PORT=str(port),
                HOMEPORT_PROBE_PORT=str(probe),
                HOMEPORT_LOG_LEVEL="error",
            )
        )
        await serving(probe)
        nats = await stack.enter_async_context(bus.connection(started.nats_url))
        url = addresses.url("http", "127.0.0.1", port)
        client = await stack.enter_async_context(_client(url))
        applications = await _admit(started.redis_url, LIVE + WOKEN)

        async def tell(some: Sequence[Application]) -> None:
            hearing = [await open_(stack, client, each) for each in some]
            for each in some:
                await channels.tell(nats, [each.account])
            await asyncio.gather(*(hears() for hears in hearing))

        await tell(applications[LIVE:])
        pids = notifier, started.processes["nats"]
        before = resident(*pids)
        await tell(applications[:LIVE])
        await asyncio.sleep(LIVE_SECONDS)
        after = resident(*pids)
    pairs = zip(before, after, strict=True)
    ours, server = ((more - less) / LIVE for less, more in pairs)
    print(f"{name}: {ours:.0f} bytes in the notifier, {server:.0f} in nats-server")
    return ours + server < LIVE_BYTES_WANTED


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(
        base_url=url, limits=limits, timeout=60, trust_env=False
    ) as made:
        yield made


async def _admit(redis_url: str, count: int) -> list[Application]:
    redis = await connection.connect(redis_url)
    view = TrustView(redis)
    await view.put_fingerprint("whole")
    made = [
        Application(f"ak_1{uuid.uuid4().hex}", AccountId(uuid.uuid4().hex))
        for _ in range(count)
    ]
    for each in made:
        grant = Grant(uuid.uuid4().hex, each.account, "administrator")
        await view.put_api_key(trust.digest(each.key), grant)
    await redis.aclose()
    return made


async def _socket(
    stack: AsyncExitStack, client: httpx.AsyncClient, application: Application
) -> Hears:
    answer = await client.put(
        "/v2/notification/websocket", json={}, headers=application.headers
    )
    answer.raise_for_status()
    url = str(client.base_url).replace("http", "ws", 1).rstrip("/")
    socket = await stack.enter_async_context(
        connect(
            f"{url}/v2/notification/websocket-connect",
            additional_headers=application.headers,
            compression=None,
            proxy=None,
        )
    )
    return socket.recv


async def _reader(
    stack: AsyncExitStack, client: httpx.AsyncClient, application: Application
) -> Hears:
    path = "/v2/notification/consumers/bench"
    answer = await client.put(path, json={}, headers=application.headers)
    answer.raise_for_status()
    stream = await stack.enter_async_context(
        client.stream("GET", f"{path}/events", headers=application.headers)
    )

    async def told() -> None:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                return

    return told
