"""The trust view says what PostgreSQL says, whatever fails in between."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport import names
from homeport.errors import Unavailable
from homeport.events.facts import FactName
from homeport.identity import Service
from homeport.store import connection, trust_contents
from homeport.store.entries import DeviceEntry
from services.directory.credentials.shared_keys import SharedKeyStore
from services.directory.schema import trust_changes
from services.directory.trust import rewriting
from services.directory.trust.projection import projecting
from tests.support.directory import ACCOUNT, Site, device_of, fact
from tests.support.line import line
from tests.support.polling import until
from tests.support.trust_view import (
    KEYS,
    NAME,
    connected,
    device,
    knows,
    pending,
    projected,
    register,
)

pytestmark = pytest.mark.integration


async def test_what_a_newer_replica_wrote_down_is_left_to_it(opened: Site) -> None:
    async with projected(opened) as projection_, connected(opened) as engine:
        async with engine.begin() as connected_:
            await connected_.execute(
                trust_changes.insert().values(
                    kind="of tomorrow", account_id=ACCOUNT, id="1", place=""
                )
            )
        await register(opened)
        assert await knows(opened)
        await left_behind(engine, opened, "urn:dev:os:kettle-9")
        assert await projection_.settle() == 1
        assert await knows(opened, "urn:dev:os:kettle-9")
        assert await pending(opened) == 1


def told() -> tuple[float, float]:
    """Return of how many changes edges were told, and after how long altogether."""
    name = "homeport_directory_trust_delay_seconds"
    count, total = (
        REGISTRY.get_sample_value(f"{name}_{each}") or 0 for each in ("count", "sum")
    )
    return count, total


async def test_how_long_edges_wait_to_be_told_is_measured(opened: Site) -> None:
    async with projected(opened) as projection_, connected(opened) as engine:
        await projection_.settle()
        count, total = told()
        await register(opened)
        now, soon = told()
        assert (now, soon - total < 60) == (count + 1, True)
        async with engine.begin() as connected_:
            await connected_.execute(
                trust_changes.insert().values(
                    kind="claim",
                    account_id=ACCOUNT,
                    id="1",
                    place="f",
                    recorded_at=datetime.now(UTC) - timedelta(minutes=5),
                )
            )
        await projection_.settle()
        later, late = told()
        assert later == count + 2
        assert 290 < late - soon < 400


async def test_what_changed_while_redis_was_away_waits_for_it(opened: Site) -> None:
    async with (
        opened.running(trust_poll_seconds=600),
        line(opened.settings.redis_url) as (way, far),
        connected(opened) as engine,
    ):
        redis = await connection.connect(far)
        await left_behind(engine, opened)
        way.cut()
        cut_off = projecting(
            engine, redis, opened.settings.keyring, buckets=opened.settings.buckets
        )
        with pytest.raises(Unavailable, match="Redis"):
            await cut_off.settle()
        assert await pending(opened) == 1
        way.mend()
        assert await cut_off.settle() == 1
        await redis.aclose()
        assert await knows(opened)


async def test_what_a_crashed_call_left_behind_is_told_soon(opened: Site) -> None:
    async with opened.running(), connected(opened) as engine:
        await left_behind(engine, opened)

        async def known() -> bool:
            return await knows(opened)

        await until(known)
        assert await pending(opened) == 0


async def left_behind(engine: AsyncEngine, opened: Site, name: str = NAME) -> None:
    """Register a key as a call does that ends before the view is told."""
    store = SharedKeyStore(engine, opened.settings.keyring)
    parsed = names.parse_endpoint_name(name)
    await store.add(ACCOUNT, parsed, bytes(16), service=Service.BOOTSTRAP)


async def test_changes_that_nobody_could_tell_are_told_by_the_next(
    opened: Site,
) -> None:
    async with opened.running(trust_poll_seconds=600), projected(opened) as next_:
        await register(opened)
        assert await next_.settle() == 0
        async with connected(opened) as engine, engine.begin() as connected_:
            for kind, identity, place in (
                ("shared-key", NAME, "bootstrap"),
                ("shared-key", "urn:dev:os:kettle-2", "bootstrap"),
                ("certificate", "0" * 32, "f" * 64),
                ("pin", "0" * 32, "f" * 64),
                ("device", device_of(), ""),
                ("authority", "", ""),
            ):
                await connected_.execute(
                    trust_changes.insert().values(
                        kind=kind, account_id=ACCOUNT, id=identity, place=place
                    )
                )
        assert await next_.settle() == 6
        assert await pending(opened) == 0
        assert await knows(opened)


async def test_many_that_change_at_once_leave_the_view_right(opened: Site) -> None:
    kettles = [f"urn:dev:os:kettle-{number}" for number in range(20)]
    async with opened.running(), opened.running():
        await asyncio.gather(*(register(opened, name) for name in kettles))
        gone = kettles[::2]
        await asyncio.gather(
            *(opened.send("DELETE", f"{KEYS}/{name}", status=204) for name in gone)
        )
        left = [name for name in kettles if await knows(opened, name)]
    assert left == kettles[1::2]
    assert await pending(opened) == 0


async def test_what_changes_while_the_view_is_written_again_is_in_it(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "BATCH", 2)
    monkeypatch.setattr(trust_contents, "BATCH", 2)
    kettles = [f"urn:dev:os:kettle-{number}" for number in range(20)]
    poll = {"trust_poll_seconds": 0.01}
    async with opened.running(**poll), opened.running(**poll):
        for name in kettles[::2]:
            await register(opened, name)
        await opened.trust.put_generation("another")
        await asyncio.gather(
            *(
                opened.send("DELETE", f"{KEYS}/{name}", status=204)
                for name in kettles[::4]
            ),
            *(register(opened, name) for name in kettles[1::2]),
        )
        await until(opened.trust.is_written)
        left = [name for name in kettles if await knows(opened, name)]
    assert left == [name for name in kettles if name not in kettles[::4]]
    assert await pending(opened) == 0


async def test_a_bootstrapped_device_is_known_with_its_developer(
    opened: Site,
) -> None:
    told = fact(FactName.DEVICE_BOOTSTRAPPED, developer="f" * 64, execution_mode=1)
    async with opened.running():
        await opened.happen(told)

        async def there() -> bool:
            return await device(opened) is not None

        await until(there)
        assert await device(opened) == DeviceEntry(
            device_of(), ACCOUNT, developer="f" * 64
        )
        shown = await opened.get(f"/v3/devices/{device_of()}")
    assert shown["endpoint_name"] == device_of()
    assert shown["device_execution_mode"] == 1


async def test_a_credential_that_has_been_used_ends_the_earlier_ones(
    opened: Site,
) -> None:
    async with opened.running():
        await opened.happen(
            fact(FactName.DEVICE_BOOTSTRAPPED, 1),
            fact(FactName.DEVICE_REGISTERED, 2, credential_issued=2_000),
            fact(FactName.DEVICE_REGISTERED, 3, credential_issued=1_000),
        )

        async def ended() -> bool:
            found = await device(opened)
            return found is not None and found.not_before == 2_000

        await until(ended)
        await opened.until_total(4, "/v3/device-events/")
        assert await ended()


async def test_what_a_bootstrap_told_can_be_asked_for(opened: Site) -> None:
    told = fact(
        FactName.DEVICE_BOOTSTRAPPED,
        execution_mode=5,
        device_key="f" * 64,
        ca_id="c" * 32,
        issuer_fingerprint="e" * 64,
        bootstrap_expires_at="2036-11-24T14:20:05Z",
        credential_expires_at="2027-11-24T14:20:05Z",
    )
    async with opened.running():
        await opened.happen(told)
        await opened.until_total(1)
        for query in (
            "device_execution_mode__eq=5",
            f"device_key__eq={'f' * 64}",
            f"ca_id__in={'c' * 32}",
            "bootstrap_expiration_date__gte=2036-11-24",
            "connector_expiration_date__lte=2027-11-24",
            f"filter=issuer_fingerprint%3D{'e' * 64}",
        ):
            (found,) = (await opened.get(f"/v3/devices?{query}"))["data"]
            assert found["connector_expiration_date"] == "2027-11-24"
        assert (await opened.get("/v3/devices?ca_id__eq=x"))["data"] == []
