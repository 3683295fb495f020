"""The two shells around the calls: one waits for answers, one is awaited."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from homeport.client import notifications, wire
from homeport.client.access import access
from homeport.client.api import Api
from homeport.client.calls import Answer, Call, Result
from homeport.client.errors import refused
from homeport.client.event_streams import Confirm, Event, Events, Form
from homeport.client.methods import AsyncListing, AsyncSender, Kept, Listing, Sender
from homeport.client.notifications import Message
from homeport.client.patience import Patience
from homeport.client.records import Page
from homeport.client.wire import ANSWER_SECONDS


class Client(Api[Sender]):
    """Calls the API and waits for each answer; to be closed, or left as a context.

    ``ca`` is a PEM file of the CA that the API is known by, if that is not one of the
    system's. ``seconds`` is how long an answer may take, ``patience`` how often a call
    is made again. Proxies of the environment are not used; ``transport`` may be one.

    Every call raises CallRefused, Unavailable or InvalidAnswer when it fails.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        ca: Path | str | None = None,
        seconds: float = ANSWER_SECONDS,
        patience: Patience = Patience(),  # noqa: B008 # frozen
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(self)
        self._access = access(url, key, ca=ca)
        self._seconds = seconds
        self._patience = patience
        self._http = httpx.Client(transport=transport, **wire.options(self._access))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call[Result], /) -> Result:
        """Make a call."""
        attempt = 1
        while True:
            answer = self._ask(call)
            pause = self._patience.pause(answer, attempt=attempt)
            if pause is None:
                return call.receive(answer)
            time.sleep(pause)
            attempt += 1

    def listing(self, first: Call[Page[Kept]], /) -> Listing[Kept]:
        """Return the list whose first page a call asks for."""
        return Listing(first, self)

    @contextmanager
    def listen(self) -> Iterator[Iterator[Message]]:
        """Open the WebSocket of the key's channel; yield its messages.

        They end with SocketClosed; what has not been received by then comes again on
        the next socket.
        """
        with wire.told():
            socket = connect(
                self._access.socket_url, **wire.socket_options(self._access)
            )

        def messages() -> Iterator[Message]:
            while True:
                with wire.told():
                    text = socket.recv()
                yield notifications.parse(text)

        with socket:
            yield messages()

    @contextmanager
    def follow(
        self,
        consumer: str,
        *,
        form: Form = "fact",
        confirm: Confirm = "call",
        after: str = "",
    ) -> Iterator[Iterator[Event]]:
        """Read for a named consumer, as its newest reader; yield its events.

        They end when the API restarts, or another reader has come. ``after`` is the id
        of the last event that was had: who comes again goes on behind it, and has
        confirmed it; without one it is where the consumer is. Events that are confirmed
        as ``sent`` need none of that, and may get lost on the way.
        """
        with wire.told():
            request = wire.follow(self._http, consumer, form, confirm, after)
            response = self._http.send(request, stream=True)

        def events() -> Iterator[Event]:
            read, pieces = Events(), response.iter_bytes()
            while True:
                with wire.told():
                    piece = next(pieces, None)
                if piece is None:
                    return
                yield from read.feed(piece)

        try:
            if response.is_error:
                raise refused(response.status_code, response.read())
            yield events()
        finally:
            response.close()

    def _ask(self, call: Call[Any]) -> Answer:
        with wire.told():
            request = wire.request(self._http, call, self._seconds)
            return wire.answer(self._http.send(request))


class AsyncClient(Api[AsyncSender]):
    """What `Client` is, with calls that are awaited and lists for ``async for``."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        ca: Path | str | None = None,
        seconds: float = ANSWER_SECONDS,
        patience: Patience = Patience(),  # noqa: B008 # frozen
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(self)
        self._access = access(url, key, ca=ca)
        self._seconds = seconds
        self._patience = patience
        self._http = httpx.AsyncClient(
            transport=transport, **wire.options(self._access)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[Result], /) -> Result:
        """Make a call."""
        attempt = 1
        while True:
            answer = await self._ask(call)
            pause = self._patience.pause(answer, attempt=attempt)
            if pause is None:
                return call.receive(answer)
            await asyncio.sleep(pause)
            attempt += 1

    def listing(self, first: Call[Page[Kept]], /) -> AsyncListing[Kept]:
        """Return the list whose first page a call asks for."""
        return AsyncListing(first, self)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[Message]]:
        """Open the WebSocket of the key's channel; yield its messages, as `Client`."""
        with wire.told():
            socket = await connect_async(
                self._access.socket_url, **wire.socket_options(self._access)
            )

        async def messages() -> AsyncIterator[Message]:
            while True:
                with wire.told():
                    text = await socket.recv()
                yield notifications.parse(text)

        async with socket:
            yield messages()

    @asynccontextmanager
    async def follow(
        self,
        consumer: str,
        *,
        form: Form = "fact",
        confirm: Confirm = "call",
        after: str = "",
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Read for a named consumer, as its newest reader; yield its events.

        As with `Client`.
        """
        with wire.told():
            request = wire.follow(self._http, consumer, form, confirm, after)
            response = await self._http.send(request, stream=True)

        async def events() -> AsyncIterator[Event]:
            read, pieces = Events(), response.aiter_bytes()
            while True:
                with wire.told():
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                for event in read.feed(piece):
                    yield event

        try:
            if response.is_error:
                raise refused(response.status_code, await response.aread())
            yield events()
        finally:
            await response.aclose()

    async def _ask(self, call: Call[Any]) -> Answer:
        with wire.told():
            request = wire.request(self._http, call, self._seconds)
            return wire.answer(await self._http.send(request))
