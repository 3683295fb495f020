"""The live line's figures come from the API and the metrics pages."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from homeport.runtime import addresses
from homeport.runtime.platform.ready import Ready
from homeport.runtime.platform.sampling import Sampler
from homeport.runtime.serving import serve

READY = Ready("a" * 32, "ak_1x", "http://127.0.0.1:1", {}, {}, "", "", "", {})


@asynccontextmanager
async def platform(
    counts: dict[str, int], metrics: Callable[[], str]
) -> AsyncIterator[tuple[Sampler, str]]:
    async def devices(request: Request) -> Response:
        if request.headers["Authorization"] != "Bearer ak_1x":
            return Response(status_code=401)
        state = request.query_params["state__eq"]
        return JSONResponse({"total_count": counts.get(state, 0)})

    async def page(_: Request) -> Response:
        return PlainTextResponse(metrics())

    app = Starlette(routes=[Route("/v3/devices/", devices), Route("/metrics", page)])
    async with serve(app, "127.0.0.1", 0) as port:
        url = addresses.url("http", "127.0.0.1", port)
        sampler = Sampler(replace(READY, api=url))
        try:
            yield sampler, url
        finally:
            await sampler.close()


async def test_devices_are_counted_by_state() -> None:
    async with platform({"registered": 7}, lambda: "") as (sampler, url):
        sample = await sampler.look([url])
    assert sample.devices is not None
    assert sample.devices["registered"] == 7
    assert sample.devices["bootstrapped"] == 0


async def test_events_are_counted_between_two_looks() -> None:
    totals = iter([100, 100, 150, 150])

    def metrics() -> str:
        return f"# HELP x\nhomeport_events_published_total {next(totals)}.0\n"

    async with platform({}, metrics) as (sampler, url):
        assert (await sampler.look([url, url])).events_per_second is None
        rate = (await sampler.look([url, url])).events_per_second
    assert rate is not None
    assert rate > 0


async def test_a_restarted_process_makes_no_negative_rate() -> None:
    totals = iter([100, 1])
    async with platform(
        {}, lambda: f"homeport_events_published_total {next(totals)}"
    ) as (sampler, url):
        await sampler.look([url])
        assert (await sampler.look([url])).events_per_second == 0


async def test_what_does_not_answer_is_unknown() -> None:
    sampler = Sampler(READY)
    sample = await sampler.look(["http://127.0.0.1:1"])
    await sampler.close()
    assert sample.devices is None
    assert sample.events_per_second is None
