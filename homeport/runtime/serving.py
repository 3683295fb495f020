"""Serving HTTP inside a service: entered means listening, left means drained."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from homeport.errors import InvalidConfiguration

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


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: they are the process's business."""
        yield


@asynccontextmanager
async def serve(app: Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve an ASGI application; yield its port. Port 0 takes a free one."""
    listener = listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """Bind a TCP listener; raise InvalidConfiguration when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
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
