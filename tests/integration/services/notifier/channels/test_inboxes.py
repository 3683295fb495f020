"""A channel rests without costing NATS anything, and hears at once what happens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient, Ear, Hears
from homeport.names import AccountId
from homeport.runtime import database
from services.notifier.channels import inboxes as module
from services.notifier.channels.channels import Channel, Serialization, WebSocket
from services.notifier.channels.inboxes import Inboxes
from services.notifier.schema import MIGRATIONS, SCHEMA
from services.notifier.stream import feeds
from services.notifier.stream.inbox import Inbox, sources
from tests.support.notifier import ACCOUNT, KEY_ID, Site, deregistrations, site
from tests.support.polling import until
from tests.support.webhook import Webhook, webhook

pytestmark = pytest.mark.integration

OTHER = AccountId("c" * 32)
BACKLOG = "/v2/notification/channel/backlog"
CHANNEL = Channel(
    KEY_ID,
    ACCOUNT,
    WebSocket(),
    Serialization(),
    revision=1,
    created_at=datetime.now(UTC) - timedelta(minutes=1),
)


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(redis_url, nats_url, postgres_url) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


@pytest.fixture
async def served(opened: Site) -> AsyncIterator[Inboxes]:
    """Make the inboxes that a replica has."""
    url = opened.settings.postgres_url.get_secret_value()
    async with (
        database.connections(url, schema=SCHEMA, migrations=MIGRATIONS) as engine,
        sources(opened.nats, engine) as made,
    ):
        yield Inboxes(made)


async def readers(opened: Site) -> list[str]:
    found = await opened.nats.jetstream().consumers_info(subjects.STREAM)
    return [each.name for each in found if subjects.is_replay(each.name)]


async def until_taken(opened: Site, place: int) -> None:
    """Wait until it is written down that all up to a place is accepted."""

    async def written() -> bool:
        (row,) = await opened.query("SELECT place FROM notifier.cursors")
        return int(row["place"]) == place

    await until(written)


async def test_a_new_channel_begins_with_what_happens_next(
    opened: Site, receiver: Webhook
) -> None:
    await opened.happen(*deregistrations(3))
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.until_served()
        later = deregistrations(2, start=3)
        await opened.happen(*later)
        assert await receiver.until_items(2) == [each.device for each in later]


async def test_each_event_is_heard_and_nothing_is_left_in_nats(
    opened: Site, receiver: Webhook
) -> None:
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.until_served()
        many = deregistrations(6)
        for number, event in enumerate(many, 1):
            await opened.happen(*deregistrations(1, start=number, account=OTHER))
            await opened.happen(event)
            await receiver.until_items(number)
            await until_taken(opened, 2 * number)
        assert await readers(opened) == []
    assert receiver.items() == [each.device for each in many]


async def test_what_comes_while_no_replica_runs_is_delivered(
    opened: Site, receiver: Webhook
) -> None:
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.happen(*deregistrations(1))
        await receiver.until_items(1)
    later = deregistrations(3, start=1)
    await opened.happen(*later)
    async with opened.running():
        assert (await receiver.until_items(4))[1:] == [each.device for each in later]


async def test_channels_of_one_account_hear_together(opened: Site) -> None:
    key = "ak_1" + "e" * 60
    headers = await opened.allow(key, "e" * 32)
    await opened.listen()
    await opened.client.put("/v2/notification/websocket", headers=headers)
    async with opened.socket() as one, opened.socket(key=key) as two:
        for number in range(3):
            await opened.happen(*deregistrations(1, start=number))
            async with asyncio.timeout(20):
                assert await one.recv() == await two.recv()


async def test_a_channel_is_told_whatever_was_not_heard(
    opened: Site, receiver: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "SOON_SECONDS", 0.1)
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 0.0)
    listen = BusClient.listen

    async def deaf(
        nats: BusClient, subject: str, heard: Hears, *, most: int = 0
    ) -> Ear:
        if subject == subjects.stored(ACCOUNT):
            return Ear(1_000_000, subject, heard, most)
        return await listen(nats, subject, heard, most=most)

    monkeypatch.setattr(BusClient, "listen", deaf)
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.until_served()
        many = deregistrations(3)
        for number, event in enumerate(many):
            await opened.happen(event)
            await receiver.until_items(number + 1)
    assert receiver.items() == [each.device for each in many]


async def test_the_key_s_next_channel_goes_on_where_the_last_one_ended(
    opened: Site, receiver: Webhook
) -> None:
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.until_served()
        assert (await opened.client.delete("/v2/notification/callback")).is_success
        await opened.until_served(served=False)
        many = deregistrations(3)
        await opened.happen(*many)
        await opened.subscribe(receiver.url)
        assert await receiver.until_items(3) == [each.device for each in many]


async def test_a_stream_that_was_lost_does_not_hold_a_channel_up(
    opened: Site,
) -> None:
    await opened.happen(*deregistrations(9))
    await opened.listen()
    await opened.nats.jetstream().purge_stream(subjects.STREAM)
    await opened.query(f"UPDATE notifier.cursors SET place = 99, owner = '{KEY_ID}'")
    later = deregistrations(2, start=9)
    await opened.happen(*later)
    async with opened.socket() as socket, asyncio.timeout(20):
        assert later[0].device in str(await socket.recv())


async def test_what_waits_is_told(opened: Site) -> None:
    assert (await opened.client.get(BACKLOG)).status_code == 404
    await opened.listen()
    await opened.happen(*deregistrations(3))
    assert (await opened.client.get(BACKLOG)).json() == {"waiting": 3, "dropped": 0}
    await opened.nats.jetstream().purge_stream(subjects.STREAM, keep=1)
    websocket = await opened.client.get("/v2/notification/websocket")
    assert websocket.json()["queue_size"] == 1


async def test_a_place_that_was_lost_begins_with_its_channel(
    opened: Site, served: Inboxes
) -> None:
    await opened.happen(*deregistrations(3))
    async with served.open(CHANNEL) as inbox:
        assert [each.sequence for each in await inbox.take()] == [1, 2, 3]
        inbox.acknowledge()
    await until_taken(opened, 3)


async def test_what_a_server_of_ours_held_up_is_delivered_once_more(
    opened: Site, served: Inboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERRUPTION_SECONDS", 0)
    turns: list[list[int]] = []

    async def deliver(_: Channel, inbox: Inbox) -> bool:
        turns.append([each.sequence for each in await inbox.take()])
        if len(turns) == 1:
            raise Unavailable("NATS", "is away")
        inbox.acknowledge()
        return len(turns) < 2

    await opened.happen(*deregistrations(2))
    async with asyncio.timeout(20):
        await served.serve(deliver, CHANNEL)
    assert turns == [[1, 2], [1, 2]]
    await until_taken(opened, 2)
