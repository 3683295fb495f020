"""Connections to Valkey, and what becomes of them when it goes and comes."""

import pytest
from redis.asyncio import Redis

from homeport.errors import Unavailable
from homeport.identity import NOBODY, Service
from homeport.keyring import Keyring
from homeport.names import AccountId, EdgeId
from homeport.store import connection
from homeport.store.associations import AssociationStore
from homeport.store.cookies import CookieSecretStore
from homeport.store.entries import Pin
from homeport.store.resumptions import ResumptionStore
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from tests.support.line import line
from tests.support.polling import until

pytestmark = pytest.mark.integration


async def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="Redis"):
        await connection.connect("redis://127.0.0.1:9/0")


async def test_nothing_is_kept_or_found_while_the_server_is_away(
    redis_url: str,
) -> None:
    async with line(redis_url) as (way, over_line):
        redis = await connection.connect(over_line)
        keyring = Keyring([bytes(32)])
        associations = AssociationStore(
            redis, edge=EdgeId("here"), service=Service.LWM2M, keyring=keyring
        )
        resumptions = ResumptionStore(
            redis, service=Service.LWM2M, keyring=keyring, seconds=60
        )
        pin = Pin("1", AccountId("a" * 32), "f" * 64)
        way.cut()
        for asked in (
            associations.find(["0a1b2c3d"]),
            resumptions.get([b"id"]),
            resumptions.put([(b"id", b"session", NOBODY)]),
            CookieSecretStore(redis, keyring=keyring, monotonic=lambda: 0.0).current(),
            TrustReader(redis, keyring).authority(),
            TrustReader(redis, keyring).chains([("f" * 64, [])]),
            TrustWriter(redis, keyring).put([pin]),
            TrustWriter(redis, keyring).remove([pin]),
        ):
            with pytest.raises(Unavailable):
                await asked
        await redis.aclose()


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


def test_a_connection_that_uvloop_finds_closed_is_unavailable() -> None:
    said = "unable to perform operation on <TCPTransport>; the handler is closed"
    with pytest.raises(Unavailable, match="is closed"), connection.reaching():
        raise RuntimeError(said)
