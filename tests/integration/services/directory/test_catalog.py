"""What the directory knows is read by its owner, page by page."""

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events.facts import FactName
from services.directory import catalog as catalogs
from services.directory.catalog import DEVICE_EVENTS, DEVICES, Catalog, Collection
from services.directory.handlers import project
from services.directory.queries import Query
from services.directory.store import DeviceStore
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, device_of, fact

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def devices(engine: AsyncEngine) -> None:
    """Three devices of an account, made at the same instant, and one of another."""
    told = [
        fact(FactName.DEVICE_REGISTERED, device=f"urn:dev:{number}")
        for number in range(3)
    ]
    told.append(fact(FactName.DEVICE_REGISTERED, account=OTHER_ACCOUNT))
    await project(told, stored=DeviceStore(engine))


async def test_an_object_is_found_by_its_account_and_id(catalog: Catalog) -> None:
    found = await catalog.get(DEVICES, ACCOUNT, device_of("urn:dev:0"))
    assert found is not None
    assert found.endpoint_name == "urn:dev:0"
    assert await catalog.get(DEVICES, OTHER_ACCOUNT, device_of("urn:dev:0")) is None


@pytest.mark.parametrize(
    "collection",
    [each for each in vars(catalogs).values() if isinstance(each, Collection)],
    ids=lambda each: each.table.name,
)
async def test_an_object_that_is_not_there_is_not_found(
    catalog: Catalog, collection: Collection
) -> None:
    assert await catalog.get(collection, ACCOUNT, "0" * 32) is None


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_part_objects_of_the_same_age(
    catalog: Catalog,
    descending: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    first = await catalog.list(DEVICES, ACCOUNT, Query(limit=2, descending=descending))
    assert first is not None
    assert (len(first.rows), first.has_more) == (2, True)
    last = await catalog.list(
        DEVICES,
        ACCOUNT,
        Query(limit=2, descending=descending, after=first.rows[-1].id),
    )
    assert last is not None
    assert (len(last.rows), last.has_more) == (1, False)
    ids = [row.id for row in [*first.rows, *last.rows]]
    assert ids == sorted(ids, reverse=descending)
    assert len(set(ids)) == 3


async def test_a_page_counts_what_its_account_has(catalog: Catalog) -> None:
    for collection, count in ((DEVICES, 1), (DEVICE_EVENTS, 2)):
        page = await catalog.list(
            collection, OTHER_ACCOUNT, Query(limit=2, total_count=True)
        )
        assert page is not None
        assert page.total_count == count
    page = await catalog.list(DEVICES, ACCOUNT, Query())
    assert page is not None
    assert page.total_count is None


async def test_nothing_follows_an_object_of_another_account(catalog: Catalog) -> None:
    query = Query(after=device_of("urn:dev:0"))
    assert await catalog.list(DEVICES, OTHER_ACCOUNT, query) is None


async def test_of_very_many_objects_the_number_is_an_estimate(
    catalog: Catalog, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.directory.catalog.MOST_COUNTED", 1)
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE directory.devices"))
    listing = await catalog.list(DEVICES, ACCOUNT, Query(total_count=True))
    assert listing is not None
    assert listing.total_count in {2, 3}
