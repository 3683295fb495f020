"""One process for all REST routes: each service's own, side by side on one port.

On Kubernetes an Ingress does this, by the same prefixes.
"""

import importlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from pydantic import Field
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from homeport.errors import InvalidConfiguration
from homeport.runtime import addresses, rest, services
from homeport.runtime.config import PREFIX, DatabaseSettings, Settings
from homeport.runtime.probes import Probes
from homeport.runtime.serving import load_tls, serve
from homeport.store import connection

MOUNTED: Mapping[str, str] = {
    "directory": "services.directory.http",
    "notifier": "services.notifier.http",
}
"""The services with routes, and where these are."""


class Routes(Protocol):
    """What each of these modules offers."""

    @property
    def PREFIXES(self) -> tuple[str, ...]:  # noqa: N802 # a constant of the module
        """The path prefixes that it serves."""

    def application(
        self, settings: Settings, /
    ) -> AbstractAsyncContextManager[ASGIApp]:
        """Make its application; open what that needs, and close it when left."""


class ApiSettings(DatabaseSettings):
    """What the process reads that serves all REST routes on one port."""

    api_host: str = Field(
        default="127.0.0.1", description="Where all REST routes listen."
    )
    api_port: int = Field(default=8080, ge=0, le=65535, description="Their port.")
    api_https_port: int = Field(
        default=8443,
        ge=0,
        le=65535,
        description="Their port over TLS, opened where there is a certificate.",
    )
    api_certificate: Path | None = Field(
        default=None, description="PEM file of their certificate and its chain."
    )
    api_key_file: Path | None = Field(
        default=None, description="PEM file of that certificate's private key."
    )

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What is shown over TLS, if anything; raise InvalidConfiguration."""
        if self.api_certificate is None and self.api_key_file is None:
            return None
        if self.api_certificate is None or self.api_key_file is None:
            raise InvalidConfiguration(
                f"{PREFIX}API_CERTIFICATE", f"goes with {PREFIX}API_KEY_FILE only"
            )
        try:
            return load_tls(self.api_certificate, self.api_key_file)
        except InvalidConfiguration as error:
            raise InvalidConfiguration(
                f"{PREFIX}API_CERTIFICATE", f"is wrong: {error}"
            ) from error


SETTINGS = ApiSettings


@dataclass(frozen=True, slots=True)
class Mount:
    """An application and the path segments that lead to it."""

    segments: tuple[str, ...]
    application: ASGIApp


class Composition:
    """Hands each request to the application with the longest matching prefix."""

    def __init__(self, mounts: Sequence[Mount]) -> None:
        self._mounts = sorted(
            mounts, key=lambda mount: len(mount.segments), reverse=True
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a path that nobody serves is 404."""
        path = _segments(scope["path"])
        for mount in self._mounts:
            if path[: len(mount.segments)] == mount.segments:
                await mount.application(scope, receive, send)
                return
        await _NOBODY(scope, receive, send)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that a path is nobody's, below ``/v2`` in a bare word (R-9, R-12)."""
    request_id = scope["state"]["request_id"]
    answer: Response
    if _segments(scope["path"])[:1] == ("v2",):
        answer = PlainTextResponse("NOT_FOUND", 404)
    else:
        answer = rest.problem(
            404, "not_found", "nothing is served here", request_id=request_id
        )
    await answer(scope, receive, send)


_NOBODY = rest.Border(_nothing)


@asynccontextmanager
async def service(
    settings: ApiSettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: all REST routes are served. Left: the last answer is sent.

    Raises InvalidConfiguration where the certificate cannot be used.
    """
    tls = settings.tls
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        probes.add("redis", lambda: connection.check(redis))
        mounts = []
        for name, module in MOUNTED.items():
            routes = load(module)
            application = await stack.enter_async_context(
                routes.application(services.load(name).SETTINGS.load())
            )
            mounts += [
                Mount(_segments(prefix), application) for prefix in routes.PREFIXES
            ]
        host, composition = settings.api_host, Composition(mounts)
        port = await stack.enter_async_context(
            serve(composition, host, settings.api_port)
        )
        opened = {"http": addresses.url("http", host, port)}
        if tls is not None:
            port = await stack.enter_async_context(
                serve(composition, host, settings.api_https_port, tls=tls)
            )
            opened["https"] = addresses.url("https", host, port)
        yield opened


def load(module: str) -> Routes:
    """Import a service's routes."""
    return cast("Routes", importlib.import_module(module))


def _segments(path: str) -> tuple[str, ...]:
    """Split a path; empty segments do not count (R-4)."""
    return tuple(segment for segment in path.split("/") if segment)
