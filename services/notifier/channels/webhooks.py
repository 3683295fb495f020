"""Calling webhooks: one PUT, a bounded time, no redirects, nothing remembered."""

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpcore
import httpx

from homeport import __version__
from homeport.errors import Unavailable
from homeport.runtime import traces
from services.notifier.channels import signatures
from services.notifier.channels.channels import Callback
from services.notifier.channels.networks import GuardedNetwork
from services.notifier.config import NotifierSettings

ACCEPTED = frozenset({200, 204})
ANSWER_BYTES = 65_536
"""More of an answer is not read; the connection is closed instead."""

_KEPT_CONNECTIONS = 1_000
_KEPT_SECONDS = 5
_FAULTS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpx.InvalidURL,
    UnicodeError,
)


class Webhooks:
    """The applications' webhooks."""

    def __init__(
        self,
        pool: httpcore.AsyncConnectionPool,
        *,
        timeout_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._timeout = timeout_seconds
        self._now = now

    async def put(self, callback: Callback, body: bytes, message_id: str) -> None:
        """Hand over a message; raise Unavailable unless it is accepted in time."""
        headers = _headers(callback)
        if callback.signing_secret:
            headers |= signatures.sign(
                callback.signing_secret,
                body,
                message_id=message_id,
                seconds=int(self._now()),
            )
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._call(callback.url, headers, body)
        except TimeoutError as error:
            raise Unavailable(
                "webhook", f"no answer within {self._timeout:g} s"
            ) from error
        except _FAULTS as error:
            raise Unavailable("webhook", str(error) or type(error).__name__) from error
        if status not in ACCEPTED:
            raise Unavailable("webhook", f"answered {status}")

    async def _call(self, url: str, headers: dict[str, str], body: bytes) -> int:
        parsed = httpx.URL(url)
        address = httpcore.URL(
            scheme=parsed.raw_scheme,
            host=parsed.raw_host,
            port=parsed.port,
            target=parsed.raw_path,
        )
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self._pool.stream(
            "PUT", address, headers=fields, content=body
        ) as response:
            await _finish(response)
            return response.status


@asynccontextmanager
async def webhooks(settings: NotifierSettings) -> AsyncIterator[Webhooks]:
    """Make the pool; a webhook that hangs takes no connection from another.

    Raises InvalidConfiguration where the CAs cannot be read.
    """
    async with httpcore.AsyncConnectionPool(
        ssl_context=settings.webhook_trust,
        max_connections=None,
        max_keepalive_connections=_KEPT_CONNECTIONS,
        keepalive_expiry=_KEPT_SECONDS,
        network_backend=GuardedNetwork(settings.networks),
    ) as pool:
        yield Webhooks(pool, timeout_seconds=settings.webhook_timeout_seconds)


def _headers(callback: Callback) -> dict[str, str]:
    """Return the headers of a call; the caller's own count more than ours."""
    headers = {
        "content-type": "application/json",
        "user-agent": f"homeport/{__version__}",
    }
    parsed = httpx.URL(callback.url)
    if parsed.userinfo:
        pair = f"{parsed.username}:{parsed.password}".encode()
        headers["authorization"] = f"Basic {b64encode(pair).decode()}"
    given = {name.lower(): value for name, value in callback.headers.items()}
    return {**headers, **given, **traces.outgoing()}


async def _finish(response: httpcore.Response) -> None:
    """Read a short answer to its end, so that the connection can be used again."""
    size = 0
    async for part in response.aiter_stream():
        size += len(part)
        if size > ANSWER_BYTES:
            return
