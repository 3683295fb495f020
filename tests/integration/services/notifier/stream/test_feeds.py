"""Those who listen to an account hear it, and are told when they may have missed."""

from collections.abc import AsyncIterator

import pytest

from homeport.errors import Unavailable
from homeport.events import publisher, subjects
from homeport.events.client import BusClient
from homeport.events.facts import FactName
from homeport.names import AccountId
from homeport.runtime import bus
from services.notifier.channels.messages import Taken
from services.notifier.stream import feeds as module
from services.notifier.stream.feeds import Feeds
from services.notifier.stream.places import Places
from tests.support.notifier import ACCOUNT, deregistrations, event
from tests.support.polling import until

pytestmark = pytest.mark.integration

OTHER = AccountId("c" * 32)


class Listener:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []
        self.lost = 0

    def hear(self, event: Taken, missed: int) -> None:
        self.heard.append((event.sequence, missed))

    def lose(self) -> None:
        self.lost += 1

    def rests(self) -> bool:
        return True

    def behind(self, newest: int) -> bool:
        return newest > max((place for place, _ in self.heard), default=0)

    async def until_heard(self, count: int) -> None:
        async def heard() -> bool:
            return len(self.heard) >= count

        await until(heard)

    async def until_lost(self) -> None:
        async def lost() -> bool:
            return bool(self.lost)

        await until(lost)


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[BusClient]:
    async with bus.connection(nats_url) as client:
        yield client


@pytest.fixture
def feeds(nats: BusClient) -> Feeds:
    return Feeds(nats, Places(nats))


async def test_all_who_listen_to_an_account_hear_it_and_nobody_else(
    nats: BusClient, feeds: Feeds
) -> None:
    ours, ours_too, theirs = Listener(), Listener(), Listener()
    await feeds.listen(ours, ACCOUNT)
    await feeds.listen(ours_too, ACCOUNT)
    await feeds.listen(theirs, OTHER)
    assert feeds.resting() == 3
    await publisher.publish(nats, deregistrations(2))
    await publisher.publish(nats, deregistrations(1, account=OTHER))
    await theirs.until_heard(1)
    assert ours.heard == ours_too.heard == [(1, 0), (2, 0)]
    assert theirs.heard == [(3, 0)]


async def test_a_batch_and_single_events_are_heard_in_the_order_of_the_stream(
    nats: BusClient, feeds: Feeds
) -> None:
    listener = Listener()
    await feeds.listen(listener, ACCOUNT)
    await publisher.publish(nats, deregistrations(publisher.ATOMIC_FROM))
    await publisher.publish(nats, deregistrations(3, start=publisher.ATOMIC_FROM))
    await listener.until_heard(publisher.ATOMIC_FROM + 3)
    places = [place for place, _ in listener.heard]
    assert places == list(range(1, publisher.ATOMIC_FROM + 4))


async def test_what_was_before_somebody_listened_is_said_to_be_missed(
    nats: BusClient, feeds: Feeds
) -> None:
    await publisher.publish(nats, [event(FactName.DEVICE_DEREGISTERED, 1)])
    listener = Listener()
    await feeds.listen(listener, ACCOUNT)
    await publisher.publish(nats, [event(FactName.REGISTRATION_EXPIRED, 2)])
    await publisher.publish(nats, [event(FactName.DEVICE_DEREGISTERED, 3)])
    await publisher.publish(nats, [event(FactName.DEVICE_DEREGISTERED, 4)])
    await listener.until_heard(3)
    assert listener.heard == [(2, 0), (3, 1), (4, 0)]


async def test_who_leaves_hears_nothing_and_an_account_without_listeners_is_left(
    nats: BusClient, feeds: Feeds
) -> None:
    leaving, staying = Listener(), Listener()
    feed = await feeds.listen(leaving, ACCOUNT)
    await feeds.listen(staying, ACCOUNT)
    feeds.leave(feed, leaving)
    await publisher.publish(nats, deregistrations(1))
    await staying.until_heard(1)
    assert not leaving.heard
    feeds.leave(feed, staying)
    await feeds.look(everybody=False)
    assert await feeds.listen(staying, ACCOUNT) is not feed


async def test_who_has_not_heard_the_newest_event_is_told(
    nats: BusClient, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNDER_WAY_SECONDS", 0)
    await publisher.publish(nats, deregistrations(1))
    listener = Listener()
    feed = await feeds.listen(listener, ACCOUNT)
    await feeds.look(everybody=False)
    assert listener.lost == 1
    assert feed.listeners == []


async def test_who_has_heard_everything_is_looked_at_once(
    nats: BusClient, feeds: Feeds
) -> None:
    listener = Listener()
    feed = await feeds.listen(listener, ACCOUNT)
    await feeds.look(everybody=False)
    assert feed.looked
    listener.behind = lambda _: True  # type: ignore[method-assign] # it shall not be asked
    await feeds.look(everybody=False)
    assert not listener.lost
    await feeds.look(everybody=True)
    assert listener.lost == 1


async def test_another_connection_may_have_missed_something(
    nats: BusClient, feeds: Feeds
) -> None:
    listener = Listener()
    await feeds.listen(listener, ACCOUNT)
    nats.stats["reconnects"] += 1
    await publisher.publish(nats, deregistrations(1))
    await listener.until_lost()
    assert not listener.heard


async def test_a_connection_over_which_nothing_was_missed_goes_on(
    nats: BusClient, feeds: Feeds
) -> None:
    listener = Listener()
    await feeds.listen(listener, ACCOUNT)
    nats.stats["reconnects"] += 1
    await feeds.look(everybody=True)
    await publisher.publish(nats, deregistrations(1))
    await listener.until_heard(1)
    assert not listener.lost


async def test_what_is_no_stored_event_ends_the_feed(
    nats: BusClient, feeds: Feeds
) -> None:
    listener = Listener()
    await feeds.listen(listener, ACCOUNT)
    subject = subjects.stored(ACCOUNT).replace(">", "device.registered")
    await nats.publish(subject, b"{}")
    await listener.until_lost()


async def test_a_stream_that_begins_anew_ends_the_feed(
    nats: BusClient, feeds: Feeds
) -> None:
    listener = Listener()
    await feeds.listen(listener, ACCOUNT)
    await publisher.publish(nats, deregistrations(2))
    await listener.until_heard(2)
    jetstream = nats.jetstream()
    config = (await jetstream.stream_info(subjects.STREAM)).config
    await jetstream.delete_stream(subjects.STREAM)
    await jetstream.add_stream(config)
    await feeds.look(everybody=True)
    assert listener.lost == 1


async def test_where_it_cannot_be_listened_the_next_attempt_begins_anew(
    nats: BusClient, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    with monkeypatch.context() as patched:
        patched.setattr(type(nats), "is_closed", True)
        with pytest.raises(Unavailable):
            await feeds.listen(listener, ACCOUNT)
    assert feeds.resting() == 0
    await feeds.listen(listener, ACCOUNT)
    await publisher.publish(nats, deregistrations(1))
    await listener.until_heard(1)
