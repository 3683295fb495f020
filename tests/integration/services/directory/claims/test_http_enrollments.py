"""Ownership claims, and what becomes of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events.facts import AnyFact, FactName
from homeport.store.entries import Claim, DeviceEntry
from services.directory.claims.claims import ClaimStore
from services.directory.handlers import project
from services.directory.store import DeviceStore
from tests.support.directory import (
    ACCOUNT,
    KEY,
    OTHER_ACCOUNT,
    Site,
    device_of,
    fact,
)
from tests.support.polling import until

pytestmark = pytest.mark.integration

CLAIMS = "/v3/device-enrollments"
DENIALS = "/v3/device-enrollment-denials"
FINGERPRINT = "4e" * 32
IDENTITY = "A-" + ":".join(["4E"] * 32)
OTHER_KEY = "ak_other"
CAME = fact(FactName.DEVICE_BOOTSTRAPPED, means="certificate", fingerprint=FINGERPRINT)


@pytest_asyncio.fixture(loop_scope="session")
async def opened(opened: Site) -> Site:
    await opened.allow(OTHER_KEY, OTHER_ACCOUNT)
    return opened


async def store(engine: AsyncEngine, *told: AnyFact) -> bool:
    return await project(told, stored=DeviceStore(engine))


def use(opened: Site, key: str) -> None:
    """Call with a key from now on."""
    opened.client.headers["authorization"] = f"Bearer {key}"


async def claim(opened: Site, status: int = 201, identity: object = IDENTITY) -> Any:
    body = {"enrollment_identity": identity}
    return await opened.send("POST", CLAIMS, body, status=status)


async def entry(opened: Site) -> Claim | None:
    (found,) = await opened.entries.claims([FINGERPRINT])
    return found


async def outdate(engine: AsyncEngine) -> None:
    """Let all claims expire."""
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE directory.device_enrollments SET expires_at = now()")
        )


async def test_a_claim_is_known_to_all_edges_when_it_is_answered(opened: Site) -> None:
    made = await claim(opened)
    assert set(made) == {
        *("object", "id", "account_id", "enrollment_identity", "created_at"),
        *("claimed_at", "expires_at", "enrolled_device_id", "etag"),
    }
    assert (made["object"], made["account_id"]) == ("enrollment", ACCOUNT)
    assert made["enrollment_identity"] == IDENTITY
    assert (made["claimed_at"], made["enrolled_device_id"]) == (None, None)
    known = await entry(opened)
    assert known is not None
    assert (known.id, known.account) == (made["id"], ACCOUNT)
    expires = datetime.fromtimestamp(known.expires / 1000, UTC)
    left = expires - datetime.now(UTC)
    assert timedelta(days=364) < left <= timedelta(days=365)
    assert await opened.get(f"{CLAIMS}/{made['id']}") == made


async def test_a_list_of_claims_is_always_counted(opened: Site) -> None:
    assert (await opened.get(CLAIMS))["total_count"] == 0
    made = await claim(opened)
    body = await opened.get(f"{CLAIMS}/")
    assert (body["total_count"], body["data"]) == (1, [made])
    assert (body["after"], body["has_more"]) == (None, False)


@pytest.mark.conforms("C-035", "B-136")
@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
@pytest.mark.parametrize("identity", [IDENTITY, "A-" + IDENTITY[2:].lower()])
async def test_the_first_claim_counts_whoever_tries(
    opened: Site, key: str, identity: str
) -> None:
    await claim(opened)
    use(opened, key)
    refused = await claim(opened, 409, identity)
    assert refused["type"] == "duplicate"


@pytest.mark.parametrize(
    "identity", ["", IDENTITY[2:], IDENTITY[:-1], IDENTITY + "0", "A-" + "=" * 95, 7]
)
async def test_what_is_no_identity_is_refused(opened: Site, identity: object) -> None:
    refused = await claim(opened, 400, identity)
    assert refused["fields"][0]["name"] == "enrollment_identity"


async def test_an_account_sees_nothing_of_anothers_claims(opened: Site) -> None:
    path = f"{CLAIMS}/{(await claim(opened))['id']}"
    use(opened, OTHER_KEY)
    assert (await opened.get(CLAIMS))["data"] == []
    await opened.send("GET", path, status=404)
    await opened.send("DELETE", path, status=404)
    assert await entry(opened) is not None


async def test_a_reader_claims_nothing(opened: Site) -> None:
    path = f"{CLAIMS}/{(await claim(opened))['id']}"
    await opened.allow("ak_reader", ACCOUNT, role="reader")
    use(opened, "ak_reader")
    await claim(opened, 403)
    await opened.send("DELETE", path, status=403)


@pytest.mark.conforms("C-033", "B-140")
async def test_a_claim_is_used_by_its_device(opened: Site, engine: AsyncEngine) -> None:
    made = await claim(opened)
    async with opened.running():
        await opened.happen(CAME)

        async def used() -> bool:
            return (await opened.get(f"{CLAIMS}/{made['id']}"))[
                "claimed_at"
            ] is not None

        await until(used)
        shown = await opened.get(f"{CLAIMS}/{made['id']}")
        device = await opened.get(f"/v3/devices/{device_of()}")
        assert shown["enrolled_device_id"] == device_of()
        assert device["enrolment_list_timestamp"] == shown["claimed_at"]
        found = await opened.get(
            "/v3/devices", enrolment_list_timestamp__gte=shown["claimed_at"]
        )
        assert found["data"] == [device]

        async def for_ever() -> bool:
            return await entry(opened) == Claim(made["id"], ACCOUNT, FINGERPRINT)

        await until(for_ever)
    await outdate(engine)
    assert (await opened.get(f"{CLAIMS}/{made['id']}"))["id"] == made["id"]


@pytest.mark.parametrize(
    "told",
    [
        fact(FactName.DEVICE_BOOTSTRAPPED, fingerprint="f" * 64),
        fact(FactName.DEVICE_BOOTSTRAPPED, fingerprint=FINGERPRINT, developer="f" * 64),
        fact(
            FactName.DEVICE_BOOTSTRAPPED, fingerprint=FINGERPRINT, account=OTHER_ACCOUNT
        ),
        fact(FactName.DEVICE_BOOTSTRAPPING),
    ],
    ids=["another", "developer", "another account", "not yet"],
)
async def test_a_claim_is_used_by_nobody_else(
    opened: Site, engine: AsyncEngine, told: AnyFact
) -> None:
    made = await claim(opened)
    await store(engine, told)
    assert (await opened.get(f"{CLAIMS}/{made['id']}"))["claimed_at"] is None


async def test_a_claim_is_used_once(opened: Site, engine: AsyncEngine) -> None:
    path = f"{CLAIMS}/{(await claim(opened))['id']}"
    assert await store(engine, CAME)
    used = await opened.get(path)
    await store(engine, CAME, CAME.model_copy(update={"revision": 9, "id": "9"}))
    assert await opened.get(path) == used


async def test_an_unused_claim_goes_without_a_trace(
    opened: Site, engine: AsyncEngine
) -> None:
    path = f"{CLAIMS}/{(await claim(opened))['id']}"
    await outdate(engine)
    await opened.send("GET", path, status=404)
    assert (await opened.get(CLAIMS))["total_count"] == 0
    use(opened, OTHER_KEY)
    await claim(opened)
    found = await entry(opened)
    assert found is not None
    assert found.account == OTHER_ACCOUNT


async def test_what_has_expired_is_forgotten(opened: Site, engine: AsyncEngine) -> None:
    await claim(opened)
    await outdate(engine)
    await ClaimStore(engine, days=1).forget_expired(now=datetime.now(UTC))
    async with engine.connect() as connection:
        count = text("SELECT count(*) FROM directory.device_enrollments")
        assert await connection.scalar(count) == 0


async def test_an_account_lets_go_of_a_device_and_keeps_its_record(
    opened: Site, engine: AsyncEngine
) -> None:
    path = f"{CLAIMS}/{(await claim(opened))['id']}"
    await store(engine, CAME)
    await opened.send("DELETE", path, status=204)
    await opened.send("DELETE", path, status=404)
    assert await entry(opened) is None
    assert (await opened.get(f"/v3/devices/{device_of()}"))["state"] == "bootstrapped"


async def test_the_next_owner_ends_the_credentials_of_the_one_before(
    opened: Site, engine: AsyncEngine
) -> None:
    path = f"{CLAIMS}/{(await claim(opened))['id']}"
    await store(engine, CAME)
    await opened.send("DELETE", path, status=204)
    use(opened, OTHER_KEY)
    await claim(opened)
    theirs = fact(
        FactName.DEVICE_BOOTSTRAPPED, 9, fingerprint=FINGERPRINT, account=OTHER_ACCOUNT
    )
    async with opened.running():
        await opened.happen(theirs)

        async def ended() -> bool:
            (found,) = await opened.entries.devices([device_of()])
            return found == DeviceEntry(
                device_of(), ACCOUNT, not_before=int(theirs.time.timestamp() * 1000)
            )

        await until(ended)
        (new,) = await opened.entries.devices([device_of(account=OTHER_ACCOUNT)])
        assert new is not None
        assert new.not_before == 0


async def test_a_denied_device_is_listed_with_its_certificate(
    opened: Site, engine: AsyncEngine
) -> None:
    for number, certificate in enumerate(("c" * 32, "", "d" * 32), 1):
        denied = fact(
            FactName.BOOTSTRAP_FAILED, number, trusted_certificate_id=certificate
        )
        await store(engine, denied)
    query = f"{DENIALS}?trusted_certificate_id__eq={'c' * 32}"
    (shown,) = (await opened.get(query))["data"]
    assert set(shown) == {
        *("object", "id", "account_id", "endpoint_name"),
        *("trusted_certificate_id", "created_at"),
    }
    assert (shown["object"], shown["endpoint_name"]) == ("denied_device", "urn:dev:1")
    assert shown["trusted_certificate_id"] == "c" * 32
    assert await opened.get(f"{DENIALS}/{shown['id']}") == shown
    for name, count in (("urn:dev:1", 1), ("urn:dev:2", 0)):
        found = await opened.get(f"{query}&endpoint_name__eq={name}")
        assert len(found["data"]) == count
    await opened.send("GET", f"{query}&after={'0' * 32}", status=404)
    await opened.send("GET", f"{DENIALS}/{'0' * 32}", status=404)
    refused = await opened.send("GET", DENIALS, status=400)
    assert refused["fields"][0]["name"] == "trusted_certificate_id__eq"
    use(opened, OTHER_KEY)
    assert (await opened.get(query))["data"] == []
