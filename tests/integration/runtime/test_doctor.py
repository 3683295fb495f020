"""The doctor looks at real servers."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from homeport.events import applications, bounds
from homeport.pki import nkeys
from homeport.runtime import doctor
from homeport.runtime.embedded import nats, places
from homeport.runtime.embedded.child import Child
from homeport.runtime.embedded.server import Site
from homeport.runtime.findings import Severity

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _configured(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, nats_url: str, postgres_url: str
) -> None:
    monkeypatch.setenv("HOMEPORT_REDIS_URL", redis_url)
    monkeypatch.setenv("HOMEPORT_NATS_URL", nats_url)
    monkeypatch.setenv("HOMEPORT_POSTGRES_URL", postgres_url)
    monkeypatch.setenv("HOMEPORT_API_PORT", "0")


async def test_what_homeport_starts_itself_is_well() -> None:
    assert await doctor.examine(None) == []


async def test_a_redis_that_may_forget_is_named(redis_url: str) -> None:
    redis = Redis.from_url(redis_url, decode_responses=True)
    before = await redis.config_get("maxmemory-policy", "appendonly")
    try:
        await redis.config_set("maxmemory-policy", "allkeys-lru", "appendonly", "no")
        found = await doctor.examine(None)
    finally:
        for name, value in before.items():
            await redis.config_set(str(name), str(value))
        await redis.aclose()
    assert [finding.severity for finding in found] == [
        Severity.FAULT,
        Severity.WARNING,
    ]
    assert "allkeys-lru" in found[0].sentence


async def test_a_redis_that_is_full_is_named(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    try:
        await redis.config_set("maxmemory", 1)
        (found,) = await doctor.examine(None)
    finally:
        await redis.config_set("maxmemory", 0)
        await redis.aclose()
    assert found.severity is Severity.FAULT
    assert found.sentence.startswith("Redis is full")


async def test_a_wrong_password_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, nats_url: str
) -> None:
    _, _, place = nats_url.rpartition("@")
    monkeypatch.setenv("HOMEPORT_NATS_URL", f"nats://nobody:wrong@{place}")
    (found,) = await doctor.examine(None)
    assert found.sentence.startswith("NATS is unavailable")


async def test_a_bus_that_takes_small_messages_only_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "LARGEST_MESSAGE", 2**30)
    (found,) = await doctor.examine(None)
    assert found.severity is Severity.WARNING
    assert "max_payload" in found.sentence


def plain(_: str, *, user: str, password: str) -> str:
    """Configure a NATS that knows the services, and nothing of applications."""
    return f'authorization {{ user: "{user}", password: "{password}" }}\n'


async def test_a_bus_that_does_not_ask_whom_it_lets_in_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(applications, "configuration", plain)
    place = places.establish(tmp_path, [nats.NAME])[nats.NAME]
    server = Child(await nats.prepare(Site(nats.NAME, tmp_path, place)))
    try:
        await server.start()
        monkeypatch.setenv("HOMEPORT_NATS_URL", server.url)
        assert await doctor.examine(None) == []
        monkeypatch.setenv("HOMEPORT_NATS_ISSUER_SEED", nkeys.new_seed())
        (found,) = await doctor.examine(None)
    finally:
        await server.stop()
    assert found.severity is Severity.FAULT
    assert "homeport nats-configuration" in found.sentence


async def test_a_bus_that_asks_whom_it_lets_in_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOMEPORT_NATS_ISSUER_SEED", nkeys.new_seed())
    assert await doctor.examine(None) == []
