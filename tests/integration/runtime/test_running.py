"""`homeport run`: ready when it is, drained when told, and patient with servers."""

import signal

import httpx
import pytest

from tests.support import trust
from tests.support.homeport import event_is, homeport

pytestmark = pytest.mark.integration

NOWHERE = "redis://127.0.0.1:1/0"
PORTS = {"HOMEPORT_LWM2M_COAPS_PORT": "0", "HOMEPORT_LWM2M_COAPS_TCP_PORT": "0"}


async def readiness(pages: str, *check: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get("/".join((pages, "readyz", *check)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_service_serves_its_probes_and_drains(
    redis_url: str, nats_url: str, number: signal.Signals
) -> None:
    async with homeport(
        "run", "expiry", HOMEPORT_REDIS_URL=redis_url, HOMEPORT_NATS_URL=nats_url
    ) as command:
        ready = await command.logged(event_is("ready"))
        answer = await readiness(ready["probes"])
        assert (answer.status_code, answer.json()["faults"]) == (200, {})
        assert await command.end(number) == 0
    assert command.events[-1]["event"] == "stopped"


async def test_a_process_drains_before_it_is_told_to_end(
    redis_url: str, nats_url: str
) -> None:
    """What Kubernetes does: preStop first, SIGTERM when that has been answered."""
    async with homeport(
        "run", "expiry", HOMEPORT_REDIS_URL=redis_url, HOMEPORT_NATS_URL=nats_url
    ) as command:
        pages = (await command.logged(event_is("ready")))["probes"]
        assert (await readiness(pages, "start")).status_code == 200
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{pages}/drain?seconds=0")).status_code == 200
        assert (await readiness(pages, "start")).status_code == 503
        assert await command.end() == 0


@pytest.mark.parametrize(
    ("server", "nowhere"),
    [("Redis", NOWHERE), ("NATS", NOWHERE.replace("redis", "nats"))],
)
async def test_a_server_that_is_away_at_the_start_is_awaited(
    server: str, nowhere: str, redis_url: str, nats_url: str
) -> None:
    urls = {"HOMEPORT_REDIS_URL": redis_url, "HOMEPORT_NATS_URL": nats_url}
    urls[f"HOMEPORT_{server.upper()}_URL"] = nowhere
    async with homeport("run", "expiry", **urls) as command:
        waits = await command.logged(event_is("start waits"))
        assert f"{server} is unavailable" in waits["reason"]
        await command.logged(lambda event: event.get("retry_seconds") == 0.4)
        assert await command.end() == 0


async def test_a_process_that_waits_is_live_and_not_ready(
    nats_url: str, unused_tcp_port: int
) -> None:
    async with homeport(
        *("run", "expiry"),
        HOMEPORT_REDIS_URL=NOWHERE,
        HOMEPORT_NATS_URL=nats_url,
        HOMEPORT_PROBE_PORT=str(unused_tcp_port),
    ) as command:
        await command.logged(event_is("start waits"))
        pages = f"http://127.0.0.1:{unused_tcp_port}"
        answer = await readiness(pages)
        assert answer.status_code == 503
        assert "expiry" in answer.json()["faults"]["start"]
        assert (await readiness(pages, "start")).status_code == 503


async def test_two_services_share_a_process(redis_url: str, nats_url: str) -> None:
    await trust.introduce(redis_url)
    async with homeport(
        *("run", "expiry", "lwm2m"),
        HOMEPORT_REDIS_URL=redis_url,
        HOMEPORT_NATS_URL=nats_url,
        HOMEPORT_DEFAULT_ACCOUNT_ID="a" * 32,
        **PORTS,
    ) as command:
        ready = await command.logged(event_is("ready"))
        assert ready["service"] == "lwm2m+expiry"
        assert ready["lwm2m_coaps"].startswith("coaps://127.0.0.1:")
        assert "lwm2m_coap" not in ready
        assert await command.end() == 0
