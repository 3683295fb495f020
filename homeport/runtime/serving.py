"""Serving HTTP inside a service: entered means listening, left means drained."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from homeport.errors import InvalidConfiguration
from homeport.runtime.streaming import HttpProtocol
from homeport.runtime.websocket import WebSocketProtocol

Application = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]
"""An ASGI application."""

DRAIN_SECONDS = 5
LARGEST_SOCKET_MESSAGE = 65_536
"""Bytes that a client may send in one message over a WebSocket."""


_DRAINING = "draining"


def draining(scope: MutableMapping[str, Any]) -> asyncio.Event:
    """Return what is set once a server ends: who waits for something has to answer."""
    found: asyncio.Event = scope["state"].get(_DRAINING) or asyncio.Event()
    return found


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: they are the process's business."""
        yield


@asynccontextmanager
async def serve(
    app: Application, host: str, port: int, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve an ASGI application; yield its port. Port 0 takes a free one.

    With ``tls`` all that is served is https and wss.
    """
    listener = listen(host, port)
    ending = asyncio.Event()
    server = _Server(
        uvicorn.Config(
            _told(app, ending),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=DRAIN_SECONDS,
            http=HttpProtocol,
            ws=WebSocketProtocol,
            ws_max_size=LARGEST_SOCKET_MESSAGE,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            ssl_context_factory=(lambda *_: tls) if tls else None,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        ending.set()
        server.should_exit = True
        await serving
        listener.close()


def _told(app: Application, ending: asyncio.Event) -> Application:
    """Let an application know of the server's end, for `draining`."""

    async def told(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        scope["state"][_DRAINING] = ending
        await app(scope, receive, send)

    return told


def load_tls(certificate: Path, key_file: Path) -> ssl.SSLContext:
    """Load what a server shows, from PEM files; raise InvalidConfiguration."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key_file)
    except OSError as error:
        raise InvalidConfiguration(
            f"{certificate} with {key_file}",
            f"is no certificate with its key: {error.strerror or error}",
        ) from error
    return context


def listen(host: str, port: int) -> socket.socket:
    """Bind a TCP listener; raise InvalidConfiguration when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, the protocol has asyncio send small messages at once (TCP_NODELAY).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InvalidConfiguration(
            f"port {port}", f"on {host} cannot be opened: {error.strerror}"
        ) from error
    listener.listen(1024)
    listener.setblocking(False)
    return listener
