"""Pulling events from a durable consumer: what comes meanwhile is here already.

A question stays open at the server for a while. So events come while a batch is worked
on, and the next one is there at once; nobody asks again for each few. A single event is
taken as soon as it comes, and many in batches of a certain pace, which cost less each.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

import orjson
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from homeport.errors import Unavailable
from homeport.events.client import BusClient, Ear

OPEN_SECONDS = 1.0
"""How long a question stays open; also how late one is repeated that was lost."""
_ANSWER_SECONDS = 0.5
_OVER = frozenset({"404", "408"})
"""Statuses of a question that is over because nothing, or nothing more, has come."""
_ALIVE, _NOBODY = "100", "503"


class Pull:
    """What one process has of a durable consumer.

    Of several takers one waits at a time: two would share what comes, in batches of
    half the size.
    """

    def __init__(self, nats: BusClient, stream: str, durable: str) -> None:
        self._nats = nats
        self._asks = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._inbox = nats.new_inbox()
        self._ear: Ear | None = None
        self._turn = asyncio.Lock()
        self._came = asyncio.Event()
        self._given: deque[Msg] = deque()
        self._next = 0.0
        self._wanted = 1
        self._asked = 0
        self._open_until = 0.0
        self._refused = ""

    async def open(self) -> None:
        """Begin to hear what is given out; raise ConnectionClosedError."""
        self._ear = await self._nats.listen(self._inbox, self._hear)

    async def take(self, most: int, *, patience: float, pace: float) -> list[Msg]:
        """Return up to ``most`` that have come, in the order of the consumer.

        Waits ``patience`` seconds for the first; nothing if nothing came. The next
        batch, unless it is full, comes ``pace`` seconds after this one at the earliest.
        Raises Unavailable where the server has no such consumer, or answers no
        questions now, and ConnectionClosedError.
        """
        clock = asyncio.get_running_loop().time
        async with self._turn:
            await self._wait(1, clock() + patience, most)
            if self._given:
                await self._wait(most, self._next, most)
                self._next = clock() + pace
            elif self._refused:
                reason, self._refused = self._refused, ""
                raise Unavailable("NATS", reason)
            count = min(most, len(self._given))
            return [self._given.popleft() for _ in range(count)]

    async def close(self) -> None:
        """Hear nothing any more, and give back what nobody has taken.

        While the server is away it finds out by itself, if later.
        """
        ear, self._ear = self._ear, None
        if ear is None:
            return
        with suppress(NatsError, TimeoutError):
            await self._nats.silence(ear)
            await answer(self._given, Msg.Ack.Nak)
        self._given.clear()

    async def _wait(self, wanted: int, deadline: float, most: int) -> None:
        """Wait until so many have come, and keep a question open meanwhile."""
        clock = asyncio.get_running_loop().time
        self._wanted = wanted
        while len(self._given) < wanted and (now := clock()) < deadline:
            if self._refused:
                return
            if self._asked <= 0 or now >= self._open_until:
                await self._ask(most - len(self._given), now)
            self._came.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(deadline, self._open_until)):
                    await self._came.wait()

    async def _ask(self, count: int, now: float) -> None:
        question = {"batch": count, "expires": int(OPEN_SECONDS * 1e9)}
        self._asked = count
        self._open_until = now + OPEN_SECONDS + _ANSWER_SECONDS
        await self._nats.publish(self._asks, orjson.dumps(question), self._inbox)

    def _hear(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._given.append(message)
            self._asked -= 1
        elif status != _ALIVE:
            self._asked = 0
            if status == _NOBODY:
                self._refused = "has no such consumer"
            elif status not in _OVER:
                self._refused = headers.get("Description") or f"answers {status}"
        if len(self._given) >= self._wanted or self._asked <= 0:
            self._came.set()


async def answer(messages: Sequence[Msg], word: bytes) -> None:
    """Say the same of each of some events, in one write: ``Msg.Ack`` has the words.

    Raises ConnectionClosedError while there is no connection: they come again then.
    """
    if messages:
        nats = cast("BusClient", messages[0]._client)  # noqa: SLF001 # it came by this
        said = b" %d\r\n%b\r\n" % (len(word), word)
        await nats.publish_encoded(
            [b"PUB %b%b" % (message.reply.encode(), said) for message in messages]
        )
