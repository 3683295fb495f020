"""The trust view says which devices are in which groups."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from homeport.names import AccountId
from homeport.store import connection
from homeport.store.memberships import Memberships
from services.directory.trust import rewriting
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, Site, device_of
from tests.support.polling import until

pytestmark = pytest.mark.integration

GROUPS = "/v3/device-groups"
NAMES = ("one", "two", "three")


@pytest_asyncio.fixture(loop_scope="session")
async def view(opened: Site) -> AsyncIterator[Memberships]:
    redis = await connection.connect(opened.settings.redis_url)
    yield Memberships(redis)
    await redis.aclose()


async def create(opened: Site, *names: str, group: str = "kettles") -> str:
    """Make a group of devices, which are made too; return its id."""
    made = await opened.send("POST", GROUPS, {"name": group}, status=201)
    for name in names:
        body = {"endpoint_name": name, "name": name}
        await opened.send("POST", "/v3/devices", body, status=201)
        await move(opened, made["id"], "add", name)
    return str(made["id"])


async def move(opened: Site, group: str, way: str, name: str) -> None:
    body = {"device_id": device_of(name)}
    await opened.send("POST", f"{GROUPS}/{group}/devices/{way}", body, status=204)


async def members(
    view: Memberships, *groups: str, account: AccountId = ACCOUNT
) -> list[str]:
    ids = {device_of(name): name for name in NAMES}
    found = await view.within(account, groups, ids)
    return sorted(ids[each] for each in found)


async def test_who_comes_and_goes_is_known_at_once(
    opened: Site, view: Memberships
) -> None:
    group = await create(opened, "one", "two")
    other = await create(opened, "three", group="pots")
    assert await members(view, group) == ["one", "two"]
    assert await members(view, group, other) == ["one", "three", "two"]
    assert await members(view, group, account=OTHER_ACCOUNT) == []
    await move(opened, group, "remove", "one")
    await move(opened, group, "remove", "three")
    assert await members(view, group) == ["two"]


async def test_a_deleted_device_is_in_no_group(opened: Site, view: Memberships) -> None:
    group = await create(opened, "one", "two")
    other = await create(opened, group="pots")
    await move(opened, other, "add", "one")
    await opened.send("DELETE", f"/v3/devices/{device_of('one')}", status=204)
    assert await members(view, group, other) == ["two"]


async def test_a_deleted_group_has_no_devices(opened: Site, view: Memberships) -> None:
    group = await create(opened, "one", "two")
    other = await create(opened, group="pots")
    await move(opened, other, "add", "two")
    await opened.send("DELETE", f"{GROUPS}/{group}", status=204)
    assert await members(view, group) == []
    assert await members(view, other) == ["two"]


async def test_a_view_that_is_lost_is_written_again(
    opened: Site, view: Memberships, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "BATCH", 2)
    group = await create(opened, *NAMES)
    async with opened.running(), Redis.from_url(opened.settings.redis_url) as redis:

        async def written() -> bool:
            view_is_old = await opened.trust.matches("whole")
            return not view_is_old and await opened.trust.is_written()

        await until(written)
        await redis.flushall()
        await until(opened.trust.is_written)
        assert await members(view, group) == sorted(NAMES)
