"""The whole system under a steady load, and what piles up."""

import asyncio
import time
from dataclasses import dataclass, field

import httpx
import orjson
from nats.js import JetStreamContext
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bench.load import Outcome, load, renewals
from bench.processes import platform
from homeport.events import subjects
from homeport.runtime import addresses, bus
from homeport.runtime.serving import serve

DEVICES = 30_000
RATE = 5_000
SECONDS = 60
LOOK_SECONDS = 5
BACKLOG_WANTED = RATE
"""Events that may be on their way at the end: a second's worth."""


@dataclass(slots=True)
class Webhook:
    """Counts what it is told."""

    items: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept a message."""
        body = await Request(scope, receive).body()
        self.items += sum(len(items) for items in orjson.loads(body).values())
        await Response(status_code=204)(scope, receive, send)


@dataclass(slots=True)
class Backlogs:
    """How many events wait, by where they wait, one figure a look."""

    looks: list[dict[str, int]] = field(default_factory=list)

    async def watch(self, redis: Redis, jetstream: JetStreamContext) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.looks.append(await _look(redis, jetstream))
            print("  waiting:", self.looks[-1], flush=True)


async def measure() -> bool:
    """Print the figures; return whether nothing has piled up."""
    webhook, backlogs = Webhook(), Backlogs()
    async with (
        platform(HOMEPORT_LOG_LEVEL="warning") as ready,
        serve(webhook, "127.0.0.1", 0) as port,
        bus.connection(str(ready["nats"])) as nats,
        Redis.from_url(str(ready["redis"])) as redis,
        load(ready["lwm2m"]["coap"]) as devices,
    ):
        await _subscribe(ready, addresses.url("http", "127.0.0.1", port))
        names = [f"bench-{number}" for number in range(DEVICES)]
        locations = await devices.register(names)
        await _settled(redis, nats.jetstream())
        watching = asyncio.create_task(backlogs.watch(redis, nats.jetstream()))
        outcome = await devices.run(renewals(locations, RATE * SECONDS), rate=RATE)
        final = await _look(redis, nats.jetstream())
        watching.cancel()
        ended = time.monotonic()
        await _settled(redis, nats.jetstream())
        rest = time.monotonic() - ended
    reached = RATE * SECONDS / outcome.seconds
    print(f"{reached:,.0f} updates/s for {outcome.seconds:.0f} s", _latencies(outcome))
    print(f"waiting at the end: {final}; all delivered {rest:.1f} s later")
    told = webhook.items - DEVICES
    print(f"the webhook was told {told:,} updates of {RATE * SECONDS:,}")
    return (
        reached > 0.99 * RATE
        and set(outcome.codes) == {"2.04"}
        and sum(final.values()) <= BACKLOG_WANTED
        and told >= RATE * SECONDS
    )


async def _subscribe(ready: object, url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.put(
            f"{ready['api']}/v2/notification/callback",
            headers={"Authorization": f"Bearer {ready['api_key']}"},
            json={"url": url},
        )
        answer.raise_for_status()


async def _look(redis: Redis, jetstream: JetStreamContext) -> dict[str, int]:
    pipeline = redis.pipeline(transaction=False)
    for bucket in range(64):
        pipeline.xlen(f"{{b{bucket}}}:outbox")
    waiting = {"outboxes": sum(await pipeline.execute())}
    for consumer in await jetstream.consumers_info(subjects.STREAM):
        kind = consumer.name.partition("-")[0]
        pending = (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
        waiting[kind] = waiting.get(kind, 0) + pending
    return waiting


async def _settled(redis: Redis, jetstream: JetStreamContext) -> None:
    async with asyncio.timeout(60):
        while sum((await _look(redis, jetstream)).values()):
            await asyncio.sleep(0.2)


def _latencies(outcome: Outcome) -> str:
    shown = ", ".join(
        f"p{percent} {1000 * outcome.percentile(percent):.0f} ms"
        for percent in (50, 90, 99)
    )
    codes = ", ".join(f"{count} x {code}" for code, count in outcome.codes.items())
    return f"({shown}; {codes}; {outcome.repeated} repeated)"
