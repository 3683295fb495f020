"""Connecting to Redis or Valkey, standalone or a cluster, told apart by asking."""

from collections.abc import Iterator
from contextlib import contextmanager

import hiredis
from redis.asyncio import Connection as Wire
from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig
from redis.typing import EncodableT

from homeport.errors import Unavailable

Connection = Redis | RedisCluster

_NO_NOTIFICATIONS = MaintNotificationsConfig(enabled=False)
"""With them, a pool hands out connections that the server has closed meanwhile."""

CONNECT_SECONDS = 2
ANSWER_SECONDS = 2
"""A device repeats itself after two seconds; an older answer helps nobody."""


class _FastWire(Wire):
    """Packs commands in C, as redis-py itself does where it is not asynchronous.

    A batch of updates has thousands of arguments; in Python each costs 0.4 µs.
    """

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        """Pack a command whose name is one word."""
        name, *rest = args
        words = str(name).split()  # redis-py has names like 'CLIENT SETINFO'
        packed = hiredis.pack_command(
            (*words, *rest)  # type: ignore[arg-type] # its stub: one word
        )
        return [packed]


async def connect(url: str, *, answer_seconds: float | None = None) -> Connection:
    """Open a connection pool; raise Unavailable when the server does not answer.

    A failed command is not repeated here: whether it may be, its caller knows.
    """
    seconds = ANSWER_SECONDS if answer_seconds is None else answer_seconds
    standalone = Redis.from_pool(
        ConnectionPool.from_url(
            url,
            connection_class=_FastWire,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=_NO_NOTIFICATIONS,
        )
    )
    try:
        information = await standalone.info("cluster")
        if not information.get("cluster_enabled"):
            return standalone
        await standalone.aclose()
        cluster = RedisCluster.from_url(
            url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=seconds,
            maint_notifications_config=_NO_NOTIFICATIONS,
        )
        await cluster.initialize()
    except (RedisError, OSError, ValueError) as error:
        await standalone.aclose()
        raise Unavailable("Redis", str(error) or type(error).__name__) from error
    return cluster


@contextmanager
def reaching() -> Iterator[None]:
    """Raise Unavailable where the server cannot be reached in time.

    A RuntimeError is uvloop's word for a connection that has just been lost, and an
    AttributeError is redis-py's, where several calls share the connection of a node.
    """
    try:
        yield
    except (RedisError, OSError, RuntimeError, AttributeError) as error:
        raise Unavailable("Redis", str(error) or type(error).__name__) from error


async def check(connection: Connection) -> None:
    """Raise Unavailable when the server does not answer a ping."""
    with reaching():
        await connection.ping()
