"""The pages of every process: /livez, /readyz, /metrics and /drain.

Live says that the loop turns. Ready says that every check passes: an edge whose Redis
is away is live and not ready, and a load balancer sends its devices elsewhere. Where
nobody else is better off, /readyz/start says only that the process has started and is
not draining: a Redis that is away for all must not take all of them from a balancer.
/drain says not ready from now on and goes on serving, for load balancers deliver late.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, Info, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from homeport import __version__
from homeport.errors import HomeportError
from homeport.runtime import serving

Check = Callable[[], Awaitable[None]]
"""Returns when all is well; raises a HomeportError that says what is not."""

CHECK_SECONDS = 2
"""A check that takes longer has failed."""
LONGEST_DRAIN_SECONDS = 3600

_BUILD = Info("homeport_build", "The version that runs.")
_BUILD.info({"version": __version__})
_READY = Gauge("homeport_ready", "1 while the process is ready, by its own checks.")
_PASSED = Gauge(
    "homeport_check_passed",
    "1 while what a process needs to be ready answers, by what that is.",
    ["check"],
)

_log = structlog.get_logger()


class Probes:
    """What a service tells about itself; it adds its checks when it starts."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._draining = False

    def add(self, name: str, check: Check) -> None:
        """Make readiness depend on a check."""
        self._checks[name] = check

    def drain(self) -> None:
        """Say not ready from now on, whatever the checks find."""
        self._draining = True

    async def faults(self) -> dict[str, str]:
        """Return what keeps the process from being ready; nothing when it is."""
        found = await self._faults()
        if self._draining:
            found = {"process": "is draining"}
        _READY.set(not found)
        return found

    async def fault(self, name: str) -> str | None:
        """Return what one check finds, nothing if all is well; None is no check."""
        check = self._checks.get(name)
        if check is None:
            return None
        return "is draining" if self._draining else await self._fault(check)

    async def _faults(self) -> dict[str, str]:
        checks = dict(self._checks)
        results = await asyncio.gather(*map(self._fault, checks.values()))
        for name, fault in zip(checks, results, strict=True):
            _PASSED.labels(name).set(not fault)
        return {
            name: fault for name, fault in zip(checks, results, strict=True) if fault
        }

    async def _fault(self, check: Check) -> str:
        try:
            await asyncio.wait_for(check(), CHECK_SECONDS)
        except TimeoutError:
            return f"does not answer within {CHECK_SECONDS} s"
        except HomeportError as error:
            return str(error)
        return ""


def application(probes: Probes) -> Starlette:
    """Make the ASGI application that serves the pages."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        return _readiness(await probes.faults())

    async def readyz_check(request: Request) -> Response:
        name = request.path_params["check"]
        fault = await probes.fault(name)
        if fault is None:
            return PlainTextResponse("no such check\n", 404)
        return _readiness({name: fault} if fault else {})

    async def drain(request: Request) -> Response:
        """Answer after so many seconds, or when the process ends (a preStop hook)."""
        try:
            seconds = float(request.query_params.get("seconds", 0))
        except ValueError:
            seconds = -1
        if not 0 <= seconds <= LONGEST_DRAIN_SECONDS:
            return PlainTextResponse(f"seconds: 0 to {LONGEST_DRAIN_SECONDS}\n", 400)
        probes.drain()
        _log.info("draining", seconds=seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await serving.draining(request.scope).wait()
        return PlainTextResponse("drained\n")

    async def metrics(_: Request) -> Response:
        await probes.faults()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/readyz/{check}", readyz_check),
            Route("/drain", drain, methods=["GET", "POST"]),
            Route("/metrics", metrics),
        ]
    )


def _readiness(faults: dict[str, str]) -> Response:
    return JSONResponse({"ready": not faults, "faults": faults}, 503 if faults else 200)
