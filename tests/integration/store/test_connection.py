"""Connections to Valkey, and what becomes of them when it goes and comes."""

import pytest
from redis.asyncio import Redis

from homeport.errors import Unavailable
from homeport.store import connection
from tests.support.line import line
from tests.support.polling import until

pytestmark = pytest.mark.integration


async def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="Redis"):
        await connection.connect("redis://127.0.0.1:9/0")


async def test_a_connection_that_broke_while_it_was_idle_costs_no_command(
    redis_url: str,
) -> None:
    async with line(redis_url) as (way, over_line):
        redis = await connection.connect(over_line)
        assert isinstance(redis, Redis)

        async def noticed() -> bool:
            (idle,) = redis.connection_pool._available_connections
            return idle._reader.at_eof()

        await connection.check(redis)
        way.cut()
        await until(noticed)
        way.mend()
        await connection.check(redis)
        await redis.aclose()
