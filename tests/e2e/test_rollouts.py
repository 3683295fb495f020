"""What the chart renders, run as a cluster would: pods come, go and die under load.

``pytest -s`` prints the table of docs/operations/rollouts.md.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import astuple, fields
from pathlib import Path

import pytest
import pytest_asyncio

from homeport.runtime.embedded import EmbeddedServers
from tests.support import servers
from tests.support.background import Background
from tests.support.installation import SERVICES, Installation
from tests.support.rollouts import DEVICES, Figures, Kind, living

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LONGEST_REPETITION_SECONDS = 3.0
"""After so long at most a device asks again (RFC 7252 §4.2)."""


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, Figures]]:
    """What was measured, by what was done."""
    measured: dict[str, Figures] = {}
    yield measured
    names = [field.name.replace("_", " ") for field in fields(Figures)]
    for row in (
        ["", *names],
        *([name, *map(str, astuple(each))] for name, each in measured.items()),
    ):
        print(f"| {' | '.join(row)} |")  # noqa: T201 # what this is for


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(
    elsewhere: Background, embedded: EmbeddedServers
) -> AsyncIterator[Installation]:
    """The chart, installed on empty servers."""
    elsewhere.run(servers.empty_redis(embedded.redis_url))
    elsewhere.run(servers.empty_nats(embedded.nats_url))
    database = elsewhere.run(servers.make_database(embedded.postgres_url))
    urls = {
        "redis": embedded.redis_url,
        "nats": embedded.nats_url,
        "postgres": database,
    }
    async with Installation(urls).running() as running:
        yield running
        faults = running.faults
    assert faults == {}
    elsewhere.run(servers.drop_database(embedded.postgres_url, database))


async def test_a_rolling_update_costs_devices_nothing(
    installation: Installation, table: dict[str, Figures], tmp_path: Path
) -> None:
    async with installation.application() as application:
        async with living(installation, application, tmp_path) as trial:
            trial.arrive(*Kind)
            await trial.until_home()
            await installation.deployments["lwm2m"].roll_out(installation.render())
            await trial.go_on()
        figures = table["update of lwm2m"] = await trial.figures()
    nothing_lost(figures)
    assert figures.late > 0
    assert figures.missed == 0


async def test_a_killed_pod_costs_devices_a_repetition(
    installation: Installation, table: dict[str, Figures], tmp_path: Path
) -> None:
    async with installation.application() as application:
        async with living(installation, application, tmp_path) as trial:
            trial.arrive(*Kind)
            await trial.until_home()
            await trial.go_on()
            await installation.deployments["lwm2m"].kill()
            await trial.go_on()
        figures = table["kill of lwm2m"] = await trial.figures()
    nothing_lost(figures)
    assert figures.worst_answer_ms < 2 * LONGEST_REPETITION_SECONDS * 1000


@pytest.mark.soak
@pytest.mark.parametrize("name", SERVICES)
async def test_more_and_fewer_pods_cost_devices_nothing(
    installation: Installation, table: dict[str, Figures], tmp_path: Path, name: str
) -> None:
    scaled = installation.deployments[name]
    await scaled.scale(1)
    async with installation.application() as application:
        async with living(installation, application, tmp_path) as trial:
            trial.arrive(Kind.WITH_IDS, Kind.LEAVING)
            await scaled.scale(3)
            trial.arrive(Kind.WITHOUT_IDS)
            await scaled.scale(1)
            await trial.until_home()
            await trial.go_on()
        figures = table[f"{name} 1 → 3 → 1"] = await trial.figures()
    nothing_lost(figures)


def nothing_lost(figures: Figures) -> None:
    assert figures.events_lost == 0
    assert figures.handshakes_again == 0
    assert figures.handshakes_again_without_ids == 0
    assert figures.refusals == []
    assert figures.retransmissions <= figures.missed + DEVICES
