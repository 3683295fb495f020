"""Connecting to Redis or Valkey, standalone or a cluster, told apart by asking."""

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from homeport.errors import Unavailable

Connection = Redis | RedisCluster

CONNECT_SECONDS = 2
ANSWER_SECONDS = 2
"""A device repeats itself after two seconds; an older answer helps nobody."""


async def connect(url: str, *, answer_seconds: float | None = None) -> Connection:
    """Open a connection pool; raise Unavailable when the server does not answer.

    A failed command is not repeated here: whether it may be, its caller knows.
    """
    seconds = ANSWER_SECONDS if answer_seconds is None else answer_seconds
    standalone = Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        information = await standalone.info("cluster")
        if not information.get("cluster_enabled"):
            return standalone
        await standalone.aclose()
        cluster = RedisCluster.from_url(
            url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=seconds
        )
        await cluster.initialize()
    except (RedisError, OSError, ValueError) as error:
        await standalone.aclose()
        raise Unavailable("Redis", str(error) or type(error).__name__) from error
    return cluster


async def check(connection: Connection) -> None:
    """Raise Unavailable when the server does not answer a ping."""
    try:
        await connection.ping()
    except (RedisError, OSError) as error:
        raise Unavailable("Redis", str(error) or type(error).__name__) from error
