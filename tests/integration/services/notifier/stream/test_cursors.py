"""Where channels and consumers have come to outlives everything else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from homeport.keyring import Keyring
from homeport.runtime import database
from services.notifier.channels.channels import Kind, Serialization, WebSocket
from services.notifier.channels.remembered import Remembered
from services.notifier.channels.store import ChannelStore
from services.notifier.schema import MIGRATIONS, SCHEMA
from services.notifier.stream.cursors import Cursor, Cursors
from tests.support.keyring import SECRET_KEY
from tests.support.notifier import ACCOUNT

pytestmark = pytest.mark.integration

OWNER, OTHER = "b" * 32, "c" * 32


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[tuple[Cursors, ChannelStore]]:
    async with database.connections(
        postgres_url, schema=SCHEMA, migrations=MIGRATIONS
    ) as engine:
        yield Cursors(engine), ChannelStore(engine, Keyring.parse(SECRET_KEY))


async def test_an_owner_begins_once(stores: tuple[Cursors, ChannelStore]) -> None:
    cursors, _ = stores
    await cursors.begin(OWNER, ACCOUNT, 7)
    await cursors.begin(OWNER, ACCOUNT, 9)
    assert await cursors.get(OWNER) == Cursor(OWNER, ACCOUNT, 7, looked=7)
    assert await cursors.get(OTHER) is None


async def test_those_who_ask_together_are_answered_together(
    stores: tuple[Cursors, ChannelStore],
) -> None:
    cursors, _ = stores
    await cursors.begin(OWNER, ACCOUNT, 7)
    await cursors.begin(OTHER, ACCOUNT, 8)
    asked = (OWNER, OTHER, OWNER, "d" * 32)
    found = await asyncio.gather(*map(cursors.get, asked))
    assert [each.place if each else None for each in found] == [7, 8, 7, None]


async def test_it_may_be_moved_both_ways_or_only_on(
    stores: tuple[Cursors, ChannelStore],
) -> None:
    cursors, _ = stores
    assert not await cursors.move(OWNER, 3)
    await cursors.begin(OWNER, ACCOUNT, 7)
    await cursors.begin(OTHER, ACCOUNT, 1)
    assert await cursors.move(OWNER, 3)
    await cursors.advance({OWNER: 5, OTHER: 8, "d" * 32: 9})
    await cursors.advance({OWNER: 4})
    assert await cursors.get(OWNER) == Cursor(OWNER, ACCOUNT, 5, looked=5)
    assert await cursors.get(OTHER) == Cursor(OTHER, ACCOUNT, 8, looked=8)
    assert await cursors.get("d" * 32) is None


async def test_what_was_found_is_kept_unless_the_owner_has_moved(
    stores: tuple[Cursors, ChannelStore],
) -> None:
    cursors, _ = stores
    await cursors.begin(OWNER, ACCOUNT, 1)
    before = await cursors.get(OWNER)
    assert before is not None
    after = replace(before, place=4, looked=9, waiting=3, dropped=2)
    assert await cursors.note(before, after)
    assert not await cursors.note(before, replace(after, dropped=100))
    assert await cursors.get(OWNER) == after
    await cursors.advance({OWNER: 9})
    assert await cursors.get(OWNER) == Cursor(OWNER, ACCOUNT, 9, 9, 0, dropped=2)


async def test_they_are_read_page_by_page(
    stores: tuple[Cursors, ChannelStore],
) -> None:
    cursors, _ = stores
    for number in range(5):
        await cursors.begin(f"{number:032x}", ACCOUNT, number)
    page = await cursors.page(after=f"{1:032x}", most=2)
    assert [each.place for each in page] == [2, 3]
    await cursors.forget([page[0].owner, page[1].owner])
    left = await cursors.page(after="", most=9)
    assert [each.place for each in left] == [0, 1, 4]


async def test_only_those_without_owner_expire(
    stores: tuple[Cursors, ChannelStore],
) -> None:
    cursors, channels = stores
    await channels.put(OWNER, ACCOUNT, WebSocket(), Serialization())
    await cursors.begin(OWNER, ACCOUNT, 1)
    await cursors.begin(OTHER, ACCOUNT, 1)
    await cursors.expire(timedelta(hours=48))
    assert await cursors.get(OTHER)
    await cursors.expire(timedelta(0))
    assert await cursors.get(OWNER)
    assert await cursors.get(OTHER) is None


async def test_only_changed_channels_are_read_again(
    stores: tuple[Cursors, ChannelStore],
) -> None:
    _, channels = stores
    remembered = Remembered(channels, Kind.WEB_SOCKET)
    await channels.put(OWNER, ACCOUNT, WebSocket(), Serialization())
    (first,) = await remembered.read()
    await channels.put(OTHER, ACCOUNT, WebSocket(), Serialization())
    again = {each.key_id: each for each in await remembered.read()}
    assert again[OWNER] is first
    changed = Serialization(include_uid=True)
    await channels.put(OWNER, ACCOUNT, WebSocket(), changed)
    latest = {each.key_id: each for each in await remembered.read()}
    assert latest[OWNER].serialization == changed
    assert latest[OTHER] is again[OTHER]
    await channels.remove(OWNER, Kind.WEB_SOCKET)
    assert [each.key_id for each in await remembered.read()] == [OTHER]
