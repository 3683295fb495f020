"""The notifier brings every event to its application, whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from homeport.errors import Unavailable
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId
from tests.support.line import line
from tests.support.notifier import ACCOUNT, Site, deregistrations, event, site
from tests.support.polling import until
from tests.support.webhook import HANG, Webhook, webhook

pytestmark = pytest.mark.integration

CALLBACK = "/v2/notification/callback"
LATER = event(FactName.DEVICE_DEREGISTERED, 1, device="later")


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(
        redis_url,
        nats_url,
        postgres_url,
        webhook_timeout_seconds=0.5,
        channel_poll_seconds=0.2,
    ) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


def devices(envelopes: Iterable[Envelope]) -> list[DeviceId]:
    return [envelope.device for envelope in envelopes]


async def test_the_life_of_a_device_is_told_in_order(
    opened: Site, receiver: Webhook
) -> None:
    life = [
        FactName.DEVICE_BOOTSTRAPPED,
        FactName.DEVICE_REGISTERED,
        FactName.REGISTRATION_UPDATED,
        FactName.DEVICE_DEREGISTERED,
        FactName.DEVICE_REGISTERED,
        FactName.REGISTRATION_EXPIRED,
    ]
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.happen(*(event(fact, n) for n, fact in enumerate(life)))
        await receiver.until_items(5)
    assert [key for message in receiver.accepted for key in message] == [
        "registrations",
        "reg-updates",
        "de-registrations",
        "registrations",
        "registrations-expired",
    ]
    device = event(life[0], 0).device
    registered: dict[str, Any] = receiver.items()[0]
    assert registered == {
        "ep": device,
        "original-ep": "urn:dev:1",
        "ept": "",
        "q": False,
        "resources": [{"path": "/3/0", "obs": False}],
    }
    assert receiver.items()[4] == device


async def test_what_happened_before_the_channel_is_not_told(
    opened: Site, receiver: Webhook
) -> None:
    async with opened.running():
        await opened.happen(*deregistrations(3))
        await opened.subscribe(receiver.url)
        await opened.happen(LATER)
        assert await receiver.until_items(1) == [LATER.device]


async def test_many_events_arrive_once_and_in_order(
    opened: Site, receiver: Webhook
) -> None:
    many = deregistrations(3_000)
    async with opened.running():
        await opened.subscribe(receiver.url)
        await opened.happen(*many)
        assert await receiver.until_items(3_000) == devices(many)
    assert len(receiver.accepted) < 100


async def test_a_message_that_failed_comes_before_all_others(
    opened: Site, receiver: Webhook
) -> None:
    many = deregistrations(5)
    async with opened.running():
        await opened.subscribe(receiver.url)
        receiver.answer = 500
        await opened.happen(*many[:2])
        await receiver.until_calls(2)
        await opened.happen(*many[2:])
        receiver.answer = 200
        assert await receiver.until_items(5) == devices(many)


@pytest.mark.conforms("C-246", "R-111")
async def test_a_webhook_that_hangs_disturbs_no_other(
    opened: Site, receiver: Webhook
) -> None:
    async with webhook() as hanging, opened.running():
        other = await opened.allow("ak_1other", "c" * 32)
        await opened.client.put(CALLBACK, json={"url": hanging.url}, headers=other)
        await opened.subscribe(receiver.url)
        hanging.answer = HANG
        many = deregistrations(200)
        for number in range(0, 200, 20):
            await opened.happen(*many[number : number + 20])
        assert await receiver.until_items(200, seconds=5) == devices(many)
        hanging.answer = 204
        assert await hanging.until_items(200) == devices(many)


async def test_a_redirect_is_not_followed(opened: Site, receiver: Webhook) -> None:
    async with opened.running(), webhook() as elsewhere:
        await opened.subscribe(receiver.url)
        receiver.redirect = elsewhere.url
        receiver.answer = 307
        await opened.happen(LATER)
        await receiver.until_calls(2)
        receiver.answer = 200
        await receiver.until_items(1)
        assert not elsewhere.calls


async def test_what_comes_while_no_notifier_runs_is_delivered_later(
    opened: Site, receiver: Webhook
) -> None:
    many = deregistrations(20)
    await opened.subscribe(receiver.url)
    await opened.happen(*many[:10])
    async with opened.running():
        await receiver.until_items(10)
    await opened.happen(*many[10:])
    async with opened.running():
        assert await receiver.until_items(20) == devices(many)


async def test_what_a_dead_replica_held_comes_first_and_in_order(
    opened: Site, receiver: Webhook
) -> None:
    many = deregistrations(30)
    await opened.subscribe(receiver.url)
    receiver.answer = HANG
    doomed = await opened.crash()
    await opened.happen(*many[:20])
    await receiver.until_calls(2)
    doomed.cancel()
    await asyncio.gather(doomed, return_exceptions=True)
    await opened.happen(*many[20:])
    receiver.answer = 200
    async with opened.running():
        assert await receiver.until_items(30) == devices(many)


async def test_two_replicas_do_not_serve_the_same_channel(
    opened: Site, receiver: Webhook
) -> None:
    many = deregistrations(300)
    async with opened.running(), opened.running():
        await opened.subscribe(receiver.url)
        for number in range(0, 300, 10):
            await opened.happen(*many[number : number + 10])
        await receiver.until_items(300)
        await opened.happen(LATER)
        told = await receiver.until_items(301)
    assert told == devices([*many, LATER])


async def test_another_replica_takes_over(opened: Site, receiver: Webhook) -> None:
    many = deregistrations(20)
    async with AsyncExitStack() as stack:
        first = await opened.crash()
        await opened.subscribe(receiver.url)
        await opened.happen(*many[:10])
        await receiver.until_items(10)
        await stack.enter_async_context(opened.running())
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await opened.happen(*many[10:])
        assert await receiver.until_items(20) == devices(many)


async def test_a_deleted_channel_hears_nothing_and_a_later_one_everything(
    opened: Site, receiver: Webhook
) -> None:
    many = deregistrations(30)
    async with opened.running(), webhook() as later:
        await opened.subscribe(receiver.url)
        await opened.happen(*many[:10])
        await receiver.until_items(10)
        assert (await opened.client.delete(CALLBACK)).status_code == 204
        await opened.until_served(served=False)
        await opened.happen(*many[10:20])
        await opened.subscribe(later.url)
        await opened.happen(*many[20:])
        assert await later.until_items(20) == devices(many[10:])
    assert receiver.items() == devices(many[:10])


async def test_a_replaced_channel_goes_on_where_the_old_one_was(
    opened: Site, receiver: Webhook
) -> None:
    many = deregistrations(20)
    async with opened.running(), webhook() as later:
        await opened.subscribe(receiver.url)
        receiver.answer = 500
        await opened.happen(*many[:10])
        await receiver.until_calls(2)
        await opened.subscribe(later.url)
        await opened.happen(*many[10:])
        assert await later.until_items(20) == devices(many)
    assert receiver.items() == []


async def test_an_account_hears_of_its_own_devices_only(
    opened: Site, receiver: Webhook
) -> None:
    stranger = AccountId("f" * 32)
    theirs = deregistrations(50, account=stranger)
    async with opened.running(), webhook() as other:
        presented = await opened.allow("ak_1other", "c" * 32, account=stranger)
        await opened.client.put(CALLBACK, json={"url": other.url}, headers=presented)
        await opened.subscribe(receiver.url)
        await opened.happen(*theirs, LATER)
        assert await receiver.until_items(1) == [LATER.device]
        assert await other.until_items(50) == devices(theirs)
    assert receiver.items() == [LATER.device]


async def test_what_is_no_fact_is_passed_over(opened: Site, receiver: Webhook) -> None:
    subject = f"homeport.v1.{ACCOUNT}.device.registered"
    async with opened.running():
        await opened.subscribe(receiver.url)
        for junk in (b"", b"{", b"[]", b'{"fact":"device.registered"}', b"\xff" * 99):
            await opened.nats.jetstream().publish(subject, junk)
        await opened.happen(LATER)
        assert await receiver.until_items(1) == [LATER.device]


@pytest.mark.conforms("C-246", "R-111")
async def test_a_channel_that_fails_for_too_long_is_removed(
    redis_url: str, nats_url: str, postgres_url: str, receiver: Webhook
) -> None:
    async with (
        site(redis_url, nats_url, postgres_url, webhook_patience_seconds=0.5) as opened,
        opened.running(),
        webhook() as untouched,
    ):
        other = await opened.allow("ak_1other", "c" * 32)
        await opened.client.put(CALLBACK, json={"url": untouched.url}, headers=other)
        await opened.subscribe(receiver.url)
        receiver.answer = 500
        await opened.happen(LATER)

        async def removed() -> bool:
            return (await opened.client.get(CALLBACK)).status_code == 404

        await until(removed)
        await opened.happen(*deregistrations(1))
        assert len(await untouched.until_items(2)) == 2
        assert (await opened.client.get(CALLBACK, headers=other)).status_code == 200
    assert receiver.items() == []


async def test_lost_claims_end_delivery_at_once_and_are_taken_again(
    opened: Site, receiver: Webhook
) -> None:
    many = deregistrations(20)
    async with opened.running() as probes:
        await opened.subscribe(receiver.url)
        await opened.happen(*many[:10])
        await receiver.until_items(10)
        await opened.cut_database()

        async def faults() -> bool:
            return "channels" in await probes.faults()

        await until(faults)
        await opened.happen(*many[10:])
        assert await receiver.until_items(20) == devices(many)
        assert await probes.faults() == {}


async def until_all(receiver: Webhook, count: int) -> list[Any]:
    """Wait for so many different items; what came twice counts as it came first."""

    async def all_came() -> bool:
        return len(set(receiver.items())) >= count

    await until(all_came)
    return list(dict.fromkeys(receiver.items()))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_while_the_bus_is_away_nothing_is_lost(
    redis_url: str, nats_url: str, postgres_url: str, receiver: Webhook
) -> None:
    many = deregistrations(20)
    async with (
        site(redis_url, nats_url, postgres_url) as opened,
        line(nats_url) as (way, url),
        opened.running(nats_url=url) as probes,
    ):
        await opened.subscribe(receiver.url)
        await opened.happen(*many[:10])
        await receiver.until_items(10)
        way.cut()

        async def faults() -> bool:
            return "nats" in await probes.faults()

        await until(faults)
        await opened.happen(*many[10:])
        way.mend()
        assert await until_all(receiver, 20) == devices(many)
        assert await probes.faults() == {}


async def test_while_the_database_is_away_events_wait(
    redis_url: str, nats_url: str, postgres_url: str, receiver: Webhook
) -> None:
    many = deregistrations(20)
    async with (
        site(redis_url, nats_url, postgres_url) as opened,
        line(postgres_url) as (way, url),
        opened.running(postgres_url=SecretStr(url)) as probes,
    ):
        await opened.subscribe(receiver.url)
        await opened.happen(*many[:10])
        await receiver.until_items(10)
        way.cut()

        async def faults() -> bool:
            return "channels" in await probes.faults()

        await until(faults)
        await opened.happen(*many[10:])
        assert len(receiver.items()) == 10
        way.mend()
        assert await receiver.until_items(20) == devices(many)


async def test_without_a_database_the_start_says_that_it_is_away(
    opened: Site,
) -> None:
    nowhere = SecretStr("postgresql://homeport@127.0.0.1:1/homeport")
    with pytest.raises(Unavailable, match="PostgreSQL"):
        async with opened.running(postgres_url=nowhere):
            pass
