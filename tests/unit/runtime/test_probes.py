"""What a process tells about itself on its three pages."""

import asyncio

import httpx
import pytest

from homeport.errors import Unavailable
from homeport.runtime import probes
from homeport.runtime.probes import Probes


async def page(made: Probes, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(probes.application(made))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://probe"
    ) as client:
        return await client.get(path)


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


async def test_metrics_are_in_the_form_of_prometheus() -> None:
    answer = await page(Probes(), "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE python_info gauge" in answer.text
