"""The directory takes every fact and lets the right keys in, whatever happens."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.events import subjects
from homeport.events.facts import AnyFact, FactName
from homeport.runtime import database
from homeport.runtime.probes import Probes
from homeport.store.trust import Grant
from services.directory.app import service
from services.directory.schema import MIGRATIONS, SCHEMA
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, Site, device_of, fact
from tests.support.line import line
from tests.support.polling import until

pytestmark = pytest.mark.integration

DEFAULT_KEY = "ak_1" + "e" * 60
LATER_KEY = "ak_1" + "f" * 60
UNUSED_KEY = "ak_1" + "9" * 60
EVENTS = "/v3/device-events/"


def fleet(count: int) -> list[AnyFact]:
    return [
        fact(FactName.DEVICE_REGISTERED, device=f"urn:dev:{number}")
        for number in range(count)
    ]


def default(key: str = DEFAULT_KEY) -> dict[str, object]:
    return {"default_account_id": ACCOUNT, "default_api_key": SecretStr(key)}


async def default_key(opened: Site) -> dict[str, Any]:
    """Find the key among those that the test itself has."""
    all_ = (await opened.get("/v3/api-keys"))["data"]
    (key,) = [each for each in all_ if each["name"] == "default"]
    return key


def connected(opened: Site) -> AbstractAsyncContextManager[AsyncEngine]:
    url = opened.settings.postgres_url.get_secret_value()
    return database.connections(url, schema=SCHEMA, migrations=MIGRATIONS)


async def test_what_happened_is_in_the_directory(opened: Site) -> None:
    async with opened.running():
        await opened.happen(fact(FactName.DEVICE_REGISTERED))
        await opened.until_total(1)
        device = await opened.get(f"/v3/devices/{device_of()}/")
    assert device["state"] == "registered"
    assert device["endpoint_name"] == "urn:dev:1"


async def test_what_happened_before_the_start_is_taken_too(opened: Site) -> None:
    await opened.happen(*fleet(1_200))
    async with opened.running():
        await opened.until_total(1_200)


async def test_two_replicas_share_the_work(opened: Site) -> None:
    async with opened.running(), opened.running():
        await opened.happen(*fleet(2_000))
        await opened.until_total(2_000)
    assert await opened.total(EVENTS) == 4_000


async def test_while_the_database_is_away_facts_wait(opened: Site) -> None:
    postgres_url = opened.settings.postgres_url.get_secret_value()
    async with (
        line(postgres_url) as (way, url),
        opened.running(postgres_url=SecretStr(url)) as probes,
    ):
        way.cut()
        await opened.happen(*fleet(300))
        assert "postgres" in await probes.faults()
        assert await opened.total() == 0
        way.mend()
        await opened.until_total(300)
        assert await probes.faults() == {}
    assert await opened.total(EVENTS) == 600


async def test_a_message_that_is_no_fact_is_passed_over(opened: Site) -> None:
    async with opened.running():
        subject = subjects.subject(ACCOUNT, FactName.DEVICE_REGISTERED)
        await opened.nats.jetstream().publish(subject, b"{}")
        await opened.happen(fact(FactName.DEVICE_REGISTERED))
        await opened.until_total(1)


async def test_facts_of_an_account_that_nobody_made_are_kept(opened: Site) -> None:
    async with opened.running():
        await opened.happen(fact(FactName.DEVICE_REGISTERED, account=OTHER_ACCOUNT))
        headers = await opened.allow("ak_other", OTHER_ACCOUNT)
        opened.client.headers.update(headers)
        await opened.until_total(1)


async def test_the_default_key_is_let_in_and_stays_the_same(opened: Site) -> None:
    assert await opened.trust.grant(DEFAULT_KEY) is None
    async with opened.running(**default()), opened.running(**default()):
        grant = await opened.trust.grant(DEFAULT_KEY)
        assert grant == Grant(grant.key_id if grant else "", ACCOUNT, "administrator")
    async with opened.running(**default()):
        assert await opened.trust.grant(DEFAULT_KEY) == grant


async def test_a_later_default_key_is_let_in_besides(opened: Site) -> None:
    for key in (DEFAULT_KEY, LATER_KEY):
        async with opened.running(**default(key)):
            assert await opened.trust.grant(key)
    assert await opened.trust.grant(DEFAULT_KEY)


async def test_a_key_that_is_made_inactive_is_shut_out(opened: Site) -> None:
    async with opened.running(**default()):
        key = await default_key(opened)
        path = f"/v3/api-keys/{key['id']}"
        await opened.send("PUT", path, {"status": "INACTIVE"})
        assert await opened.trust.grant(DEFAULT_KEY) is None
    async with opened.running(**default()):
        assert await opened.trust.grant(DEFAULT_KEY) is None


async def test_that_a_key_was_used_is_kept(opened: Site) -> None:

    async def told() -> bool:
        key = await default_key(opened)
        return int(key["last_login_time"]) >= int(key["creation_time"])

    async with opened.running(**default(UNUSED_KEY)):
        assert await opened.trust.grant(UNUSED_KEY)
        await until(told)


async def test_a_trust_view_that_is_lost_is_written_again(opened: Site) -> None:

    async def granted() -> bool:
        return await opened.trust.grant(DEFAULT_KEY) is not None

    async with (
        opened.running(**default()),
        Redis.from_url(opened.settings.redis_url) as redis,
    ):
        await redis.flushall()
        await until(granted)


async def test_a_default_key_needs_an_account(opened: Site) -> None:
    with pytest.raises(InvalidConfiguration, match="HOMEPORT_DEFAULT_API_KEY"):
        async with opened.running(
            default_account_id=None, default_api_key=SecretStr(DEFAULT_KEY)
        ):
            pass


async def test_the_key_itself_is_nowhere_in_the_database(opened: Site) -> None:
    async with (
        opened.running(**default()),
        connected(opened) as engine,
        engine.connect() as connection,
    ):
        rows = (
            await connection.execute(text("SELECT * FROM directory.api_keys"))
        ).all()
    assert "default" in {row.name for row in rows}
    assert DEFAULT_KEY not in str(rows)


async def test_routes_are_served_where_a_port_is_given(opened: Site) -> None:
    settings = opened.settings.model_copy(update={"http_port": 0})
    async with (
        service(settings, Probes()) as urls,
        httpx.AsyncClient(base_url=urls["http"], trust_env=False) as client,
    ):
        answer = await client.get("/v3/devices/")
    assert answer.status_code == 401


async def test_without_a_database_the_start_says_that_it_is_away(
    opened: Site,
) -> None:
    postgres_url = opened.settings.postgres_url.get_secret_value()
    async with line(postgres_url) as (way, url):
        way.cut()
        with pytest.raises(Unavailable, match="PostgreSQL"):
            async with opened.running(postgres_url=SecretStr(url)):
                pass
