"""FastStream as this house uses it: one broker, routers that never lose a message.

FastStream's default discards a message whose handler raised, and a broker's policy does
not reach the subscribers of an included router: so routers and subscribers are made
here and nowhere else.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, NatsRouter, PullSub
from faststream.nats.annotations import NatsMessage as Handled
from faststream.nats.subscriber.usecases import stream_pull_subscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionReconnectingError
from nats.js.api import ConsumerConfig, DeliverPolicy

from homeport.errors import InvalidFormat
from homeport.events import cloudevents, facts, subjects
from homeport.events.client import BusClient
from homeport.events.facts import AnyFact, FactName

# nats-py ends some fetches with the built-in error, where FastStream expects nats-py's
# own: it would drop a batch that has not filled, and have it again after ack_wait only.
stream_pull_subscriber.TimeoutError = TimeoutError  # type: ignore[assignment,attr-defined]

Handler = Callable[[Sequence[AnyFact]], Awaitable[None]]
"""Takes facts in the order of the stream; repeating them must be harmless."""

Unreadable = Callable[[InvalidFormat], None]
"""Is told of a message that is no fact we know; it is passed over."""


Around = Callable[[Iterable[str]], AbstractContextManager[None]]
"""Entered while a batch is handled, with the traces that its facts belong to."""


def _nothing(_: Iterable[str]) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a service takes from the stream.

    ``linger_seconds`` is how long a batch may wait to fill, and so the most that it
    adds to the delay of a single fact. ``ack_wait_seconds`` is when the server gives
    an unacknowledged fact to another replica. Of several ``readers`` each has a batch
    of its own: while one waits for a database, another one works.
    """

    durable: str
    facts: Sequence[FactName]
    batch_size: int = 500
    linger_seconds: float = 0.1
    ack_wait_seconds: float = 5
    max_ack_pending: int = 5_000
    readers: int = 1


class Broker(NatsBroker):
    """FastStream's with our client, which can be stopped while its server is away."""

    async def _connect(self) -> Client:
        client = BusClient()
        await client.connect(**self._connection_kwargs)
        self.config.connect(client)
        return client

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """End; what was not acknowledged by then is given to others."""
        try:
            await super().stop(exc_type, exc_val, exc_tb)
        except ConnectionReconnectingError:
            if self._connection is not None:
                await self._connection.close()


def broker(url: str) -> NatsBroker:
    """Make the connection of a service; it keeps trying when the server is away."""
    return Broker(
        url.split(","), max_reconnect_attempts=-1, reconnect_time_wait=1, logger=None
    )


def router(
    subscription: Subscription,
    handler: Handler,
    *,
    unreadable: Unreadable,
    around: Around = _nothing,
) -> NatsRouter:
    """Make a router whose pull consumer hands batches of facts to a handler.

    A batch is acknowledged when the handler returned and redelivered when it raised.
    Replicas that use the same durable share the work.
    """
    made = NatsRouter()
    filters = [subjects.of_fact(fact) for fact in subscription.facts]

    async def decode(message: NatsMessage) -> list[AnyFact]:
        batch: list[Msg] = message.raw_message  # type: ignore[assignment] # a batch's
        return _readable(batch, unreadable)

    reading = partial(
        made.subscriber,
        "" if len(filters) > 1 else filters[0],
        stream=JStream(subjects.STREAM, declare=False),
        durable=subscription.durable,
        config=ConsumerConfig(
            durable_name=subscription.durable,
            filter_subjects=filters if len(filters) > 1 else None,
            deliver_policy=DeliverPolicy.ALL,
            ack_wait=subscription.ack_wait_seconds,
            max_ack_pending=subscription.max_ack_pending,
            max_deliver=-1,
        ),
        pull_sub=PullSub(
            batch_size=subscription.batch_size,
            timeout=subscription.linger_seconds,
            batch=True,
        ),
        decoder=decode,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        title=subscription.durable,
        description=f"Takes {', '.join(subscription.facts)}.",
    )

    async def take(batch: list[AnyFact], message: Handled) -> None:
        raw: list[Msg] = message.raw_message  # type: ignore[assignment] # a batch's
        with around(cloudevents.traceparents(raw)):
            await handler(batch)

    for number in range(subscription.readers):
        reading(include_in_schema=not number)(take)
    return made


def _readable(batch: Sequence[Msg], unreadable: Unreadable) -> list[AnyFact]:
    found = []
    for message in batch:
        try:
            found.append(facts.parse(message.data))
        except InvalidFormat as error:
            unreadable(error)
    return found
