"""The durable consumer of each channel: what its application has not accepted yet.

The consumer outlives its channel: a key that has had a channel finds what happened
since in its next one, as long as the stream keeps it (B-188).

A batch is acknowledged as a whole, by its last event, and only one is out at a time.
So nothing has to be said to the server while a webhook makes us wait: unacknowledged
events are given out again only to those who ask, and then come before newer ones.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.events.pulling import Pull
from homeport.names import AccountId
from services.notifier.channels.channels import Channel
from services.notifier.channels.messages import Taken
from services.notifier.stream.jetstream import Mark, mark, reported, taken

BATCH = 1_000
PACE_SECONDS = 0.005
"""The time between batches where events come close together; a single one waits not."""
IDLE_SECONDS = 5.0
"""How long one question for events lasts; also how late a lost one is repeated."""
ACKNOWLEDGE_SECONDS = 2.0
"""After this time the events of a replica that died are given to its successor."""
UNUSED_SECONDS = 48 * 3600
"""A consumer that nobody has asked for so long has lost its channel for good."""

_ANSWER_SECONDS = 2.0
_GATHER_SECONDS = 0.5


async def ensure(
    nats: Client,
    key_id: str,
    account: AccountId,
    *,
    after: int | None = None,
    since: datetime | None = None,
) -> None:
    """Make a channel's consumer unless it exists; raise Unavailable.

    It begins after a place in the stream, or at ``since`` where none is known, or now.
    """
    durable = subjects.channel_durable(key_id)
    jetstream = nats.jetstream(timeout=_ANSWER_SECONDS)
    with reported():
        try:
            await jetstream.consumer_info(subjects.STREAM, durable)
        except NotFoundError:
            await _create(jetstream, _configuration(durable, account, after, since))


async def _create(jetstream: JetStreamContext, wanted: ConsumerConfig) -> None:
    try:
        await jetstream.add_consumer(subjects.STREAM, wanted)
    except APIError:
        # Somebody else has just made it, with another beginning.
        await jetstream.consumer_info(subjects.STREAM, wanted.durable_name or "")


def _configuration(
    durable: str, account: AccountId, after: int | None, since: datetime | None
) -> ConsumerConfig:
    policy = DeliverPolicy.NEW
    if after is not None:
        policy, since = DeliverPolicy.BY_START_SEQUENCE, None
    elif since is not None:
        policy = DeliverPolicy.BY_START_TIME
    return ConsumerConfig(
        durable_name=durable,
        filter_subject=subjects.of_account(account),
        deliver_policy=policy,
        opt_start_seq=None if after is None else after + 1,
        opt_start_time=since,
        ack_policy=AckPolicy.ALL,
        ack_wait=ACKNOWLEDGE_SECONDS,
        max_ack_pending=BATCH,
        max_deliver=-1,
        inactive_threshold=UNUSED_SECONDS,
    )


async def acknowledge(nats: Client, receipt: str) -> None:
    """Acknowledge what an earlier `Inbox` has given out; raise Unavailable.

    Repeating is harmless.
    """
    with reported():
        await nats.request(receipt, b"+ACK", timeout=_ANSWER_SECONDS)


async def discard(nats: Client, key_id: str) -> None:
    """Remove a channel's consumer for good; raise Unavailable."""
    jetstream = nats.jetstream(timeout=_ANSWER_SECONDS)
    with reported():
        try:
            await jetstream.delete_consumer(
                subjects.STREAM, subjects.channel_durable(key_id)
            )
        except NotFoundError:
            return


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a channel has come: up to ``floor`` all is accepted.

    ``waiting`` events are not; those that are no business of applications count, too.
    """

    account: AccountId
    floor: int
    waiting: int


async def progress(nats: Client, key_id: str) -> Progress | None:
    """Return how far a channel has come; None where it has no consumer.

    Raises Unavailable.
    """
    jetstream = nats.jetstream(timeout=_ANSWER_SECONDS)
    with reported():
        try:
            found = await jetstream.consumer_info(
                subjects.STREAM, subjects.channel_durable(key_id)
            )
        except NotFoundError:
            return None
    return Progress(
        subjects.account_of(found.config.filter_subject or ""),
        found.ack_floor.stream_seq if found.ack_floor else 0,
        (found.num_pending or 0) + (found.num_ack_pending or 0),
    )


class _Given(NamedTuple):
    """An event as the server has given it out."""

    message: Msg
    mark: Mark


class Inbox:
    """A channel's events in the order of the stream, batch after batch.

    The methods raise Unavailable when NATS is away.
    """

    def __init__(
        self,
        jetstream: JetStreamContext,
        pull: Pull,
        durable: str,
    ) -> None:
        self._jetstream = jetstream
        self._pull = pull
        self._durable = durable
        self._begun = False
        self._place = 0
        self._delivered = 0
        self._newest = 0
        self._last: Msg | None = None
        self._taken: Mapping[int, Msg] = {}  # by their places

    async def take(self, seconds: float = IDLE_SECONDS) -> list[Taken]:
        """Wait for the next batch; nothing if nothing came for a while."""
        with reported():
            found = await self._fetch(BATCH, seconds) if self._begun else []
            if self._begun and self._goes_on(found):
                self._place += len(found)
            else:
                found = await self._gather(found)
                self._begun = True
            if not found:
                return []
            self._taken = {given.mark.place: given.message for given in found}
            places = sorted(self._taken)
            self._last, self._newest = self._taken[places[-1]], places[-1]
            fresh = sorted(
                taken(given.message, given.mark)
                for given in found
                if given.mark.place > self._delivered
            )
            if not fresh:
                await self.acknowledge()
            return fresh

    async def acknowledge(self) -> None:
        """Say that the batch taken last, and all before it, is delivered.

        The server's answer is not awaited: the next batch need not wait for it.
        """
        if self._last is None:
            return
        self._delivered = max(self._delivered, self._newest)
        with reported():
            await self._last.ack()  # where it is lost, they come again and are known
        self._last = None

    def receipt(self, taken: Taken) -> str:
        """Return what acknowledges an event of the last batch, and all before it."""
        return self._taken[taken.sequence].reply

    async def give_back(self, batch: Iterable[Taken]) -> None:
        """Have events of the last batch given out again, at once and in this order."""
        with reported():
            for taken in batch:
                await self._taken[taken.sequence].nak()

    def _goes_on(self, found: Sequence[_Given]) -> bool:
        """Say whether these are all that the server has given out since the last.

        One that a predecessor had, or that was lost with a connection, comes again
        after newer ones; and to acknowledge these would acknowledge it too.
        """
        numbers = sorted(given.mark.number for given in found)
        return numbers == list(range(self._place + 1, self._place + 1 + len(found)))

    async def _gather(self, found: Sequence[_Given]) -> list[_Given]:
        """Take all that is given out and not acknowledged, however long it takes."""
        gathered = {given.mark.place: given for given in found}
        while True:
            information = await self._jetstream.consumer_info(
                subjects.STREAM, self._durable
            )
            if len(gathered) >= (information.num_ack_pending or 0):
                break
            missing = (information.num_ack_pending or 0) - len(gathered)
            for given in await self._fetch(missing, _GATHER_SECONDS):
                gathered[given.mark.place] = given
        if information.delivered is not None:
            self._place = information.delivered.consumer_seq
        return list(gathered.values())

    async def _fetch(self, most: int, seconds: float) -> list[_Given]:
        found = await self._pull.take(most, patience=seconds, pace=PACE_SECONDS)
        return [_Given(message, mark(message)) for message in found]


@asynccontextmanager
async def inbox(
    nats: BusClient, channel: Channel, *, after: int | None = None
) -> AsyncIterator[Inbox]:
    """Open a channel's consumer, making it if there is none.

    It begins after a place then, or with the channel where none is known. Raises
    Unavailable when NATS is away.
    """
    durable = subjects.channel_durable(channel.key_id)
    await ensure(
        nats, channel.key_id, channel.account, after=after, since=channel.created_at
    )
    jetstream = nats.jetstream(timeout=_ANSWER_SECONDS)
    pull = Pull(nats, subjects.STREAM, durable, open_seconds=IDLE_SECONDS)
    with reported():
        await pull.open()
    try:
        yield Inbox(jetstream, pull, durable)
    finally:
        with reported():
            await pull.close()
