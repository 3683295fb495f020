"""FastStream as this house uses it: one broker, routers that never lose a message.

FastStream's default discards a message whose handler raised, and a broker's policy does
not reach the subscribers of an included router: so routers and subscribers are made
here and nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import cast

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, NatsRouter, PullSub
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionReconnectingError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy

from homeport.errors import InvalidFormat, Unavailable
from homeport.events import cloudevents, facts, pulling, subjects
from homeport.events.client import BusClient
from homeport.events.facts import AnyFact, FactName
from homeport.events.pulling import Pull

_FACTS_A_TURN = 50
PATIENCE_SECONDS = 5.0
"""How long a reader waits for a first event before it looks whether it shall end."""
REFUSED_SECONDS = 0.5
"""How long it leaves a server alone that does not know its consumer."""

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

    ``pace_seconds`` is the time between batches that are not full, and so the most
    that a fact waits for company; one that comes alone does not wait. After
    ``ack_wait_seconds`` the server gives an unacknowledged fact to another replica. Of
    several ``readers`` each has a batch of its own: while one waits for a database,
    another one works.
    """

    durable: str
    facts: Sequence[FactName]
    batch_size: int = 500
    pace_seconds: float = 0.1
    ack_wait_seconds: float = 5
    max_ack_pending: int = 5_000
    readers: int = 1


class _Reading:
    """A subscription as FastStream reads it; those of one durable share what comes."""

    def __init__(self, pull: Pull) -> None:
        self._pull = pull
        self._full = 0

    async def fetch(
        self,
        *,
        batch: int,
        timeout: float,  # noqa: ASYNC109 # FastStream's name; the pace, to us
    ) -> list[Msg]:
        """Return the next events; raise nats-py's TimeoutError where none come.

        FastStream asks for the rest of a batch until it is full or late, and is told
        that there is none: a batch holds what has come when its time has.
        """
        self._full = max(self._full, batch)
        found: list[Msg] = []
        if batch == self._full:
            try:
                found = await self._pull.take(
                    batch, patience=PATIENCE_SECONDS, pace=timeout
                )
            except Unavailable:
                await asyncio.sleep(REFUSED_SECONDS)  # it may come back
        if not found:
            raise NatsTimeoutError
        return found

    async def unsubscribe(self) -> None:
        """End; what has come and was not taken is given to others."""
        await self._pull.close()


class _Context(JetStreamContext):
    """nats-py's, with our way of pulling."""

    def __init__(self, client: BusClient) -> None:
        super().__init__(client)
        self._client = client
        self._pulls: dict[str, Pull] = {}

    async def pull_subscribe_bind(  # type: ignore[override] # what FastStream needs
        self, *, stream: str, durable: str, **_: object
    ) -> _Reading:
        """Read a durable consumer; raise ConnectionClosedError."""
        if durable not in self._pulls:
            self._pulls[durable] = Pull(self._client, stream, durable)
            await self._pulls[durable].open()
        return _Reading(self._pulls[durable])


class _Client(BusClient):
    """Ours, where FastStream asks for events."""

    def jetstream(self, **_: object) -> JetStreamContext:
        """Return the context that pulls our way."""
        return _Context(self)


class Broker(NatsBroker):
    """FastStream's with our client, which can be stopped while its server is away."""

    async def _connect(self) -> Client:
        client = _Client()
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
        url.split(","),
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        logger=None,
        apply_types=False,
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

    async def decode(message: NatsMessage) -> _Batch:
        raw: Sequence[Msg] = message.raw_message  # type: ignore[assignment] # a batch's
        return await _read(raw, unreadable)

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
            timeout=subscription.pace_seconds,
            batch=True,
        ),
        decoder=decode,
        ack_policy=AckPolicy.MANUAL,
        title=subscription.durable,
        description=f"Takes {', '.join(subscription.facts)}.",
    )

    async def take(batch: list[AnyFact]) -> None:
        messages = cast("_Batch", batch).messages
        try:
            with around(cloudevents.traceparents(messages)):
                await handler(batch)
        except Exception:
            await pulling.answer(messages, Msg.Ack.Nak)
            raise
        await pulling.answer(messages, Msg.Ack.Ack)

    for number in range(subscription.readers):
        reading(include_in_schema=not number)(take)
    return made


class _Batch(list[AnyFact]):
    """Facts, and the messages that they came in."""

    def __init__(self, messages: Sequence[Msg]) -> None:
        super().__init__()
        self.messages = messages


async def _read(messages: Sequence[Msg], unreadable: Unreadable) -> _Batch:
    """Read a batch; from time to time others have a turn."""
    found = _Batch(messages)
    for number, message in enumerate(messages, 1):
        try:
            found.append(facts.parse(message.data))
        except InvalidFormat as error:
            unreadable(error)
        if number % _FACTS_A_TURN == 0:
            await asyncio.sleep(0)
    return found
