"""What ``homeport doctor`` finds at Redis, NATS and PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import asyncpg
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import Error as JetStreamError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from homeport.errors import Unavailable
from homeport.events import applications, bounds
from homeport.runtime.findings import Finding, fault, warning

ANSWER_SECONDS = 6.0
"""Long enough for two refusals of NATS, which asks for each at the notifier."""
ASK_SECONDS = 2.0
OLDEST_NATS = (2, 12)
OLDEST_POSTGRES = 15


async def examine(
    urls: Mapping[str, str], *, with_applications: bool = False
) -> list[Finding]:
    """Look at the servers, by their names; of NATS whether applications may come."""
    looks: Mapping[str, Callable[[str], Awaitable[list[Finding]]]] = {
        "Redis": _examine_redis,
        "NATS": partial(_examine_nats, with_applications=with_applications),
        "PostgreSQL": _examine_postgres,
    }
    found = await asyncio.gather(
        *(_examine_server(server, urls[server], looks[server]) for server in urls)
    )
    return [finding for findings in found for finding in findings]


async def _examine_server(
    server: str, url: str, look: Callable[[str], Awaitable[list[Finding]]]
) -> list[Finding]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await look(url)
    except TimeoutError:
        return [fault(f"{server} does not answer within {ANSWER_SECONDS:.0f} s")]
    except ValueError as error:
        return [fault(f"the URL of {server} is wrong: {error}")]
    except Unavailable as error:
        return [fault(str(error))]


async def _examine_redis(url: str) -> list[Finding]:
    redis = Redis.from_url(url, decode_responses=True)
    try:
        await redis.ping()
        settings = await _redis_settings(redis)
        memory = await redis.info("memory")
    except (RedisError, OSError) as error:
        raise Unavailable("Redis", str(error) or type(error).__name__) from error
    finally:
        await redis.aclose()
    findings = []
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        findings.append(
            fault(f"Redis may drop sessions: its maxmemory-policy is {policy}")
        )
    if settings.get("appendonly", "yes") != "yes":
        findings.append(
            warning("Redis forgets registrations at a restart: appendonly is off")
        )
    used, most = memory.get("used_memory", 0), memory.get("maxmemory", 0)
    if most and used >= most:
        findings.append(
            fault(
                f"Redis is full and takes nothing: it has {used} bytes, and its "
                f"maxmemory is {most}"
            )
        )
    return findings


async def _redis_settings(redis: Redis) -> Mapping[str, str]:
    """Read two settings; a hosted Redis that does not tell them has none."""
    try:
        answer = await redis.config_get("maxmemory-policy", "appendonly")
    except RedisError:
        return {}
    return {str(name): str(value) for name, value in answer.items()}


async def _examine_nats(url: str, *, with_applications: bool) -> list[Finding]:
    refusals: list[Exception] = []

    async def refused(error: Exception) -> None:
        refusals.append(error)

    try:
        client = await nats.connect(
            url.split(","),
            error_cb=refused,
            connect_timeout=ANSWER_SECONDS,
            max_reconnect_attempts=1,  # without a limit the first try never ends
            reconnect_time_wait=0.05,
        )
    except (NatsError, OSError, TimeoutError) as error:
        reason = refusals[-1] if refusals else error
        raise Unavailable("NATS", str(reason) or type(reason).__name__) from error
    try:
        findings = []
        version = client.connected_server_version
        if (version.major, version.minor) < OLDEST_NATS:
            wanted = ".".join(map(str, OLDEST_NATS))
            findings.append(
                fault(
                    f"NATS is {version.major}.{version.minor}, {wanted} is the oldest"
                    " that publishes atomic batches"
                )
            )
        if client.max_payload < bounds.LARGEST_MESSAGE:
            findings.append(
                warning(
                    "NATS cuts off large answers of devices: its max_payload is"
                    f" {client.max_payload} bytes, not {bounds.LARGEST_MESSAGE}"
                )
            )
        if with_applications and not await _asks(client):
            findings.append(
                fault(
                    "NATS does not ask the notifier which applications it lets in: "
                    "start it with what `homeport nats-configuration` prints, or "
                    "take HOMEPORT_NATS_ISSUER_SEED away"
                )
            )
        await client.jetstream(timeout=ANSWER_SECONDS).account_info()
    except (NatsError, JetStreamError, TimeoutError):
        findings.append(fault("NATS has no JetStream for this user"))
    finally:
        await client.close()
    return findings


async def _asks(client: Client) -> bool:
    """Say whether this NATS has our configuration: then it tells who is connected."""
    try:
        await client.request(
            applications.CONNECTIONS, b'{"limit": 1}', timeout=ASK_SECONDS
        )
    except (NoRespondersError, NatsTimeoutError):
        return False
    return True


async def _examine_postgres(url: str) -> list[Finding]:
    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS)
    except (asyncpg.PostgresError, OSError) as error:
        raise Unavailable("PostgreSQL", str(error) or type(error).__name__) from error
    try:
        version = connection.get_server_version().major
    finally:
        await connection.close()
    if version < OLDEST_POSTGRES:
        return [fault(f"PostgreSQL is {version}, {OLDEST_POSTGRES} is the oldest")]
    return []
