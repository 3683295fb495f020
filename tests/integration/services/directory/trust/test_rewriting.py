"""A trust view that is lost, or of another time, is written again."""

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, select, update

from homeport.events.facts import FactName
from homeport.store import connection, trust_contents
from homeport.store.entries import DeviceEntry
from homeport.store.trust_writer import TrustWriter
from services.directory.schema import device_shared_keys, trust_generation
from services.directory.trust import rewriting
from tests.support.directory import ACCOUNT, Site, device_of, fact, new_ca, pem_of
from tests.support.polling import until
from tests.support.trust_view import KEYS, connected, device, knows, projected, register

pytestmark = pytest.mark.integration

TRUSTED = "/v3/trusted-certificates"
DEVELOPER = "/v3/developer-certificates"
CLAIMS = "/v3/device-enrollments"
FINGERPRINT = "4e" * 32
CLAIM = "A-" + ":".join(["4E"] * 32)
CA = new_ca()
FACTORY = {
    "name": "factory",
    "certificate": pem_of(CA.certificate.der),
    "service": "lwm2m",
}


async def test_a_view_that_is_lost_is_written_again(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "BATCH", 2)
    kettles = [f"urn:dev:os:kettle-{number}" for number in range(5)]
    async with opened.running(), Redis.from_url(opened.settings.redis_url) as redis:
        for name in kettles:
            await register(opened, name)
        await opened.send("POST", TRUSTED, FACTORY, status=201)
        made = await opened.send("POST", DEVELOPER, {"name": "lab"}, status=201)
        fingerprint = (await opened.get(f"{TRUSTED}/{made['id']}"))[
            "certificate_fingerprint"
        ]
        await opened.happen(fact(FactName.DEVICE_BOOTSTRAPPED, developer=fingerprint))

        async def there() -> bool:
            return await device(opened) is not None

        await until(there)
        asked = [(fingerprint, [CA.certificate.subject_digest])]
        before = await opened.entries.chains(asked), await device(opened)
        authority = await opened.entries.authority()
        await redis.flushall()
        await until(there)
        assert all([await knows(opened, name) for name in kettles])
        assert (await opened.entries.chains(asked), await device(opened)) == before
        assert await opened.entries.authority() == authority


async def backed_up(redis: Redis) -> dict[bytes, tuple[int, bytes]]:
    """Copy all that a Redis has, and how long it stays."""
    return {
        key: (max(await redis.pttl(key), 0), await redis.dump(key))
        async for key in redis.scan_iter()
    }


async def restore(redis: Redis, backup: dict[bytes, tuple[int, bytes]]) -> None:
    await redis.flushall()
    for key, (milliseconds, content) in backup.items():
        await redis.restore(key, milliseconds, content, replace=True)


async def test_a_view_from_a_backup_trusts_nobody_who_was_shut_out_since(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_contents, "BATCH", 2)
    kettles = [f"urn:dev:os:kettle-{number}" for number in range(5)]
    asked = [("", [CA.certificate.subject_digest])]
    async with opened.running(), Redis.from_url(opened.settings.redis_url) as redis:
        for name in kettles:
            await register(opened, name)
        made = await opened.send("POST", TRUSTED, FACTORY, status=201)
        key = await opened.send("POST", "/v3/api-keys", {"name": "lost"}, status=201)
        claimed = {"enrollment_identity": CLAIM}
        claim = await opened.send("POST", CLAIMS, claimed, status=201)
        backup = await backed_up(redis)
        for name in kettles[1:]:
            await opened.send("DELETE", f"{KEYS}/{name}", status=204)
        await opened.send("DELETE", f"{TRUSTED}/{made['id']}", status=204)
        await opened.send("DELETE", f"/v3/api-keys/{key['id']}", status=204)
        await opened.send("DELETE", f"{CLAIMS}/{claim['id']}", status=204)
        await register(opened, "urn:dev:os:kettle-9")
        await restore(redis, backup)

        async def as_it_was() -> bool:
            (chain,) = await opened.entries.chains(asked)
            return bool(
                await opened.trust.grant(key["key"])
                or any(await opened.entries.claims([FINGERPRINT]))
                or chain.authorities
                or any([await knows(opened, name) for name in kettles[1:]])
                or not await knows(opened, "urn:dev:os:kettle-9")
            )

        assert await as_it_was()

        async def right() -> bool:
            return not await as_it_was()

        await until(right)
        assert await knows(opened, kettles[0])


async def test_a_database_from_a_backup_knows_who_is_trusted(opened: Site) -> None:
    later = "urn:dev:os:kettle-2"
    async with opened.running(), connected(opened) as engine:
        await register(opened)
        async with engine.begin() as connected_:
            word = await connected_.scalar(select(trust_generation.c.word))
        await register(opened, later)
        assert await knows(opened, later)
        async with engine.begin() as connected_:
            await connected_.execute(
                delete(device_shared_keys).where(
                    device_shared_keys.c.endpoint_name == later
                )
            )
            await connected_.execute(update(trust_generation).values(word=word))

        async def forgotten() -> bool:
            return not await knows(opened, later)

        await until(forgotten)
        assert await knows(opened)


async def test_who_was_introduced_stays_when_the_view_is_written_again(
    opened: Site,
) -> None:
    introduced = DeviceEntry(device_of("urn:dev:new"), ACCOUNT)
    deleted = DeviceEntry(device_of("urn:dev:old"), ACCOUNT)
    async with projected(opened) as projection_, opened.running():
        redis = await connection.connect(opened.settings.redis_url)
        writer = TrustWriter(redis, opened.settings.keyring)
        await writer.introduce([introduced])
        await writer.put([deleted])
        assert not await projection_.keep()
        await opened.trust.put_generation("another")
        await projection_.keep()

        async def swept() -> bool:
            found = await opened.entries.devices([introduced.id, deleted.id])
            return found == [introduced, None]

        await until(swept)
        await redis.aclose()


async def test_a_view_that_is_there_is_left_alone(opened: Site) -> None:
    async with opened.running(), projected(opened) as projection_:
        assert not await projection_.keep()
        assert await projection_.settle() == 0
