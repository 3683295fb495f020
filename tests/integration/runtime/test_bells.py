"""Whoever publishes an outbox hears at once that something waits in it."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from nats.aio.msg import Msg

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.runtime import bus
from homeport.runtime.bells import bells, ring
from tests.support.polling import until

pytestmark = pytest.mark.integration


async def _anything(heard: list[int]) -> bool:
    return bool(heard)


class Ears:
    """Hears all bells, and in what order."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def hear(self, message: Msg) -> None:
        self.heard.append(message.subject)

    async def until(self, bucket: int) -> None:
        """Wait for a bell; those before it have been heard then."""

        async def rung() -> bool:
            return subjects.outbox(bucket) in self.heard

        await until(rung)


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[BusClient]:
    async with bus.connection(nats_url) as client:
        yield client


@pytest.fixture
async def ears(nats_url: str) -> AsyncIterator[Ears]:
    made = Ears()
    async with bus.connection(nats_url) as client:
        await client.subscribe("homeport.outbox.*", cb=made.hear)
        await client.flush()
        yield made


async def test_a_bell_is_heard_by_whoever_listens_for_its_bucket(
    nats: BusClient, nats_url: str
) -> None:
    heard: list[int] = []
    async with bus.connection(nats_url) as there, bells(there, heard.extend) as theirs:
        await theirs.listen([3, 4])
        await there.flush()
        await ring(nats, [4])
        await until(partial(_anything, heard))
        assert heard == [4]


async def test_a_bucket_that_is_left_is_not_heard_any_more(
    nats: BusClient,
) -> None:
    heard: list[int] = []
    async with bells(nats, heard.extend) as ours:
        await ours.listen([3, 4])
        await ours.listen([4])
        await ring(nats, [3, 4])
        await until(partial(_anything, heard))
        assert heard == [4]


async def test_what_is_listened_for_here_is_rung_nowhere(
    nats: BusClient, ears: Ears
) -> None:
    async with bells(nats, print) as ours:
        await ours.listen([3])
        ours.ring([3, 5])
        await ears.until(5)
        assert ears.heard == [subjects.outbox(5)]


async def test_a_bell_rings_once_for_all_that_comes_in_a_moment(
    nats: BusClient, ears: Ears
) -> None:
    async with bells(nats, print) as ours:
        for _ in range(100):
            ours.ring([5])
        ours.ring([6])
        await ears.until(6)
        assert ears.heard.count(subjects.outbox(5)) == 1


async def test_bells_without_a_bus_are_not_heard(nats: BusClient) -> None:
    async with bells(nats, print) as ours:
        await nats.close()
        ours.ring([5])
        with pytest.raises(Unavailable):
            await ring(nats, [5])
        with pytest.raises(Unavailable):
            await ours.listen([5])
