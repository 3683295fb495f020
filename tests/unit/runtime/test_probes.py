"""What a process tells about itself on its pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from homeport import __version__
from homeport.errors import Unavailable
from homeport.runtime import probes
from homeport.runtime.probes import Probes
from homeport.runtime.serving import serve
from tests.support.polling import until


async def page(made: Probes, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(probes.application(made))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://probe"
    ) as client:
        return await client.get(path)


@asynccontextmanager
async def served(made: Probes) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the pages over HTTP; a request under way is answered when this is left."""
    async with (
        httpx.AsyncClient(trust_env=False, timeout=10) as client,
        serve(probes.application(made), "127.0.0.1", 0) as port,
    ):
        client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        yield client


async def is_draining(made: Probes) -> bool:
    return (await made.faults()) == {"process": "is draining"}


async def well() -> None:
    """Pass."""


async def away() -> None:
    raise Unavailable("Redis", "connection refused")


async def slow() -> None:
    await asyncio.Event().wait()


async def test_a_process_whose_checks_pass_is_ready() -> None:
    made = Probes()
    made.add("redis", well)
    answer = await page(made, "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "faults": {}}


async def test_a_check_that_fails_is_named_with_its_reason() -> None:
    made = Probes()
    made.add("redis", away)
    made.add("nats", well)
    answer = await page(made, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["faults"] == {
        "redis": "Redis is unavailable: connection refused"
    }


async def test_a_check_that_takes_too_long_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes, "CHECK_SECONDS", 0.05)
    made = Probes()
    made.add("redis", slow)
    assert "does not answer" in (await page(made, "/readyz")).json()["faults"]["redis"]


async def test_a_draining_process_is_live_and_not_ready() -> None:
    made = Probes()
    made.drain()
    assert (await page(made, "/readyz")).status_code == 503
    assert (await page(made, "/livez")).status_code == 200


async def test_a_process_whose_server_is_away_is_live() -> None:
    made = Probes()
    made.add("redis", away)
    assert (await page(made, "/livez")).text == "ok\n"


async def test_metrics_say_which_checks_pass() -> None:
    made = Probes()
    made.add("redis", away)
    made.add("nats", well)
    text = (await page(made, "/metrics")).text
    assert 'homeport_check_passed{check="redis"} 0.0' in text
    assert 'homeport_check_passed{check="nats"} 1.0' in text
    assert "homeport_ready 0.0" in text


async def test_metrics_name_the_version() -> None:
    text = (await page(Probes(), "/metrics")).text
    assert f'homeport_build_info{{version="{__version__}"}} 1.0' in text


async def test_metrics_are_in_the_form_of_prometheus() -> None:
    answer = await page(Probes(), "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE python_info gauge" in answer.text


async def test_one_check_can_be_asked_for_alone() -> None:
    made = Probes()
    made.add("start", well)
    made.add("redis", away)
    assert (await page(made, "/readyz/start")).json() == {"ready": True, "faults": {}}
    answer = await page(made, "/readyz/redis")
    assert answer.status_code == 503
    assert answer.json()["faults"] == {
        "redis": "Redis is unavailable: connection refused"
    }


async def test_a_check_that_nobody_has_added_is_not_found() -> None:
    assert (await page(Probes(), "/readyz/redis")).status_code == 404


async def test_a_draining_process_passes_no_check() -> None:
    made = Probes()
    made.add("start", well)
    made.drain()
    assert (await page(made, "/readyz/start")).json()["faults"] == {
        "start": "is draining"
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_process_that_is_told_to_drain_goes_on_serving(method: str) -> None:
    made = Probes()
    made.add("start", well)
    async with served(made) as client:
        answer = await client.request(method, "/drain")
        assert (answer.status_code, answer.text) == (200, "drained\n")
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200


async def test_draining_lasts_as_long_as_it_is_asked_to() -> None:
    made = Probes()
    async with served(made) as client:
        begun = asyncio.get_running_loop().time()
        await client.get("/drain?seconds=0.1")
        assert asyncio.get_running_loop().time() - begun >= 0.1


async def test_draining_ends_with_the_process() -> None:
    made = Probes()
    async with served(made) as client:
        asked = asyncio.create_task(client.get("/drain?seconds=3600"))
        await until(lambda: is_draining(made), seconds=5)
    assert (await asked).status_code == 200


@pytest.mark.parametrize("seconds", ["soon", "-1", "3601", "nan"])
async def test_a_time_to_drain_that_makes_no_sense_is_refused(seconds: str) -> None:
    made = Probes()
    assert (await page(made, f"/drain?seconds={seconds}")).status_code == 400
    assert await made.faults() == {}
