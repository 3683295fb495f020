"""The three pages of every process: /livez, /readyz and /metrics.

Live says that the loop turns. Ready says that every check passes: an edge whose Redis
is away is live and not ready, and a load balancer sends its devices elsewhere.
"""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from homeport.errors import HomeportError

Check = Callable[[], Awaitable[None]]
"""Returns when all is well; raises a HomeportError that says what is not."""

CHECK_SECONDS = 2
"""A check that takes longer has failed."""


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
        if self._draining:
            return {"process": "is draining"}
        results = await asyncio.gather(
            *(self._fault(check) for check in self._checks.values())
        )
        return {
            name: fault
            for name, fault in zip(self._checks, results, strict=True)
            if fault
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
    """Make the ASGI application that serves the three pages."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        faults = await probes.faults()
        return JSONResponse(
            {"ready": not faults, "faults": faults}, 503 if faults else 200
        )

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )
