"""HTTP as uvicorn speaks it, and what it lacks for answers without an end.

A client that reads nothing cannot be got rid of in order: a connection is closed when
all is written, which it never is. So an application may cut it.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any, cast

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable
from uvicorn.protocols.http.h11_impl import H11Protocol

_EXTENSION = "homeport.cut"


def cut(scope: MutableMapping[str, Any]) -> None:
    """End the connection of a request at once; what is not written is lost."""
    cast("Callable[[], None]", scope["extensions"][_EXTENSION])()


class HttpProtocol(H11Protocol):
    """One connection."""

    def connection_made(  # type: ignore[override] # a server's are of this kind
        self, transport: asyncio.Transport
    ) -> None:
        """Offer the cut to the application."""
        super().connection_made(transport)
        served = self.app

        async def app(
            scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable
        ) -> None:
            extensions = {
                **(scope.get("extensions") or {}),
                _EXTENSION: transport.abort,
            }
            await served({**scope, "extensions": extensions}, receive, send)

        self.app = app
