"""Calling webhooks: one PUT, a bounded time, no redirects, nothing remembered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import DefaultCookiePolicy

import httpx

from homeport.errors import Unavailable
from services.notifier.channels import Callback

ACCEPTED = frozenset({200, 204})
ANSWER_BYTES = 65_536
"""More of an answer is not read; the connection is closed instead."""

_KEPT_CONNECTIONS = 1_000


class Webhooks:
    """The applications' webhooks."""

    def __init__(self, client: httpx.AsyncClient, *, timeout_seconds: float) -> None:
        self._client = client
        self._timeout = timeout_seconds

    async def put(self, callback: Callback, body: bytes) -> None:
        """Hand over a message; raise Unavailable unless it is accepted in time."""
        headers = {"content-type": "application/json"} | {
            name.lower(): value for name, value in callback.headers.items()
        }
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream(
                    "PUT", callback.url, content=body, headers=headers
                ) as response,
            ):
                await _finish(response)
        except TimeoutError as error:
            raise Unavailable(
                "webhook", f"no answer within {self._timeout:g} s"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Unavailable("webhook", str(error) or type(error).__name__) from error
        if response.status_code not in ACCEPTED:
            raise Unavailable("webhook", f"answered {response.status_code}")


@asynccontextmanager
async def webhooks(timeout_seconds: float) -> AsyncIterator[Webhooks]:
    """Make the client; a webhook that hangs takes no connection from another."""
    async with httpx.AsyncClient(
        timeout=timeout_seconds,
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=_KEPT_CONNECTIONS
        ),
        follow_redirects=False,
        trust_env=False,
    ) as client:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield Webhooks(client, timeout_seconds=timeout_seconds)


async def _finish(response: httpx.Response) -> None:
    """Read a short answer to its end, so that the connection can be used again."""
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > ANSWER_BYTES:
            return
