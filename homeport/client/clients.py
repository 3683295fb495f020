"""The two shells around the calls: one waits for answers, one is awaited."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import orjson
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from homeport.client import notifications
from homeport.client.access import Access, access
from homeport.client.api import Api
from homeport.client.calls import Answer, Call, Result
from homeport.client.errors import SocketClosed, refused
from homeport.client.methods import AsyncListing, AsyncSender, Kept, Listing, Sender
from homeport.client.notifications import Message
from homeport.client.patience import Patience
from homeport.client.records import Page
from homeport.errors import HomeportError, Unavailable

ANSWER_SECONDS = 20.0
LARGEST_MESSAGE = 64 * 2**20
"""Bytes of a notification message: 10,000 registrations of devices like ours."""


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
        self._http = httpx.Client(transport=transport, **_options(self._access))

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
        with _told():
            socket = connect(self._access.socket_url, **_socket_options(self._access))

        def messages() -> Iterator[Message]:
            while True:
                with _told():
                    text = socket.recv()
                yield notifications.parse(text)

        with socket:
            yield messages()

    def _ask(self, call: Call[Any]) -> Answer:
        with _told():
            request = _request(self._http, call, self._seconds)
            return _answer(self._http.send(request))


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
        self._http = httpx.AsyncClient(transport=transport, **_options(self._access))

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
        with _told():
            socket = await connect_async(
                self._access.socket_url, **_socket_options(self._access)
            )

        async def messages() -> AsyncIterator[Message]:
            while True:
                with _told():
                    text = await socket.recv()
                yield notifications.parse(text)

        async with socket:
            yield messages()

    async def _ask(self, call: Call[Any]) -> Answer:
        with _told():
            request = _request(self._http, call, self._seconds)
            return _answer(await self._http.send(request))


def _options(access: Access) -> dict[str, Any]:
    """Return how both kinds of HTTP clients are made."""
    return {
        "base_url": access.url,
        "headers": access.headers,
        "verify": access.tls or False,  # without TLS there is nothing to verify
        "trust_env": False,
    }


def _socket_options(access: Access) -> dict[str, Any]:
    """Return how both kinds of sockets are opened."""
    return {
        "additional_headers": access.headers,
        "user_agent_header": None,
        "ssl": access.tls,
        "proxy": None,
        "max_size": LARGEST_MESSAGE,
        "open_timeout": ANSWER_SECONDS,
    }


def _request(
    http: httpx.Client | httpx.AsyncClient, call: Call[Any], seconds: float
) -> httpx.Request:
    return http.build_request(
        call.method,
        call.path,
        params=call.query or None,
        content=None if call.body is None else orjson.dumps(call.body),
        headers=None if call.body is None else {"content-type": "application/json"},
        files=None if call.file is None else {call.file[0]: call.file},
        timeout=seconds + call.seconds,
    )


def _answer(answered: httpx.Response) -> Answer:
    return Answer(answered.status_code, answered.content, dict(answered.headers))


@contextmanager
def _told() -> Iterator[None]:
    """Tell by our own errors how the network has failed."""
    try:
        yield
    except ConnectionClosed as error:
        raise _closed(error) from error
    except InvalidStatus as error:
        answered = error.response
        raise refused(answered.status_code, bytes(answered.body or b"")) from error
    except (httpx.HTTPError, InvalidHandshake, OSError) as error:
        raise Unavailable("API", str(error) or type(error).__name__) from error


def _closed(error: ConnectionClosed) -> HomeportError:
    if error.rcvd is None:
        return SocketClosed(1006, "")
    return SocketClosed(error.rcvd.code, error.rcvd.reason)
