"""A channel to which nothing happens costs nothing in NATS, and is woken at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from homeport.events import subjects
from homeport.events.client import BusClient, Ear, Hears
from homeport.names import AccountId
from services.notifier.channels import delivery
from services.notifier.channels.consumers import Inbox
from services.notifier.stream import wakes
from tests.support.notifier import ACCOUNT, KEY_ID, Site, deregistrations, site
from tests.support.polling import until
from tests.support.webhook import Webhook, webhook

pytestmark = pytest.mark.integration

OTHER = AccountId("c" * 32)


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


@pytest.fixture(autouse=True)
def tires_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inbox.take, "__defaults__", (0.1,))
    monkeypatch.setattr(delivery, "QUIET_TURNS", 2)


async def durables(opened: Site) -> list[str]:
    found = await opened.nats.jetstream().consumers_info(subjects.STREAM)
    return [each.name for each in found if subjects.channel_of(each.name)]


async def until_resting(opened: Site) -> None:
    async def resting() -> bool:
        return not await durables(opened)

    await until(resting)


async def place(opened: Site) -> int:
    (row,) = await opened.query("SELECT place FROM notifier.cursors")
    return int(row["place"])


async def test_a_new_channel_has_a_place_and_no_consumer(
    opened: Site, receiver: Webhook
) -> None:
    await opened.happen(*deregistrations(3))
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.until_served()
        assert await durables(opened) == []
        assert await place(opened) == 3


async def test_a_channel_that_rests_is_woken_by_an_event_of_its_account(
    opened: Site, receiver: Webhook
) -> None:
    async with opened.running():
        await opened.subscribe(receiver.url)
        many = deregistrations(6)
        for number, event in enumerate(many, 1):
            await opened.happen(*deregistrations(1, start=number, account=OTHER))
            await opened.happen(event)
            await receiver.until_items(number)
            await until_resting(opened)
            assert await place(opened) == 2 * number
    assert receiver.items() == [each.device for each in many]


async def test_what_comes_while_no_replica_runs_is_delivered(
    opened: Site, receiver: Webhook
) -> None:
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.happen(*deregistrations(1))
        await receiver.until_items(1)
        await until_resting(opened)
    later = deregistrations(3, start=1)
    await opened.happen(*later)
    async with opened.running():
        assert (await receiver.until_items(4))[1:] == [each.device for each in later]


async def test_channels_of_one_account_are_woken_together(opened: Site) -> None:
    key = "ak_1" + "e" * 60
    headers = await opened.allow(key, "e" * 32)
    await opened.listen()
    await opened.client.put("/v2/notification/websocket", headers=headers)
    async with opened.socket() as one, opened.socket(key=key) as two:
        for number in range(3):
            await opened.happen(*deregistrations(1, start=number))
            async with asyncio.timeout(20):
                assert await one.recv() == await two.recv()
            await until_resting(opened)


async def test_a_channel_wakes_whatever_was_not_heard(
    opened: Site, receiver: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakes, "SOON_SECONDS", 0.1)
    monkeypatch.setattr(wakes, "LOOK_SECONDS", 0.0)
    listen = BusClient.listen

    async def deaf(
        nats: BusClient, subject: str, heard: Hears, *, most: int = 0
    ) -> Ear:
        if subject == subjects.of_account(ACCOUNT):
            return Ear(1_000_000, subject, heard, most)
        return await listen(nats, subject, heard)

    monkeypatch.setattr(BusClient, "listen", deaf)
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.until_served()
        for number in range(3):
            await opened.happen(*deregistrations(1, start=number))
            await receiver.until_items(number + 1)
            await until_resting(opened)


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
    opened: Site, receiver: Webhook
) -> None:
    await opened.happen(*deregistrations(9))
    await opened.listen()
    await opened.nats.jetstream().purge_stream(subjects.STREAM)
    await opened.query(f"UPDATE notifier.cursors SET place = 99, owner = '{KEY_ID}'")
    later = deregistrations(2, start=9)
    await opened.happen(*later)
    async with opened.socket() as socket, asyncio.timeout(20):
        assert later[0].device in str(await socket.recv())


async def test_what_waits_is_told_of_a_channel_with_and_without_consumer(
    opened: Site,
) -> None:
    path = "/v2/notification/channel/backlog"
    assert (await opened.client.get(path)).status_code == 404
    await opened.listen()
    await opened.happen(*deregistrations(3))
    assert (await opened.client.get(path)).json() == {"waiting": 3, "dropped": 0}
    await opened.nats.jetstream().purge_stream(subjects.STREAM, keep=1)
    websocket = await opened.client.get("/v2/notification/websocket")
    assert websocket.json()["queue_size"] == 1
