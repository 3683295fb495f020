"""What an edge stands on."""

import pytest

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.identity import Service
from homeport.runtime.edge import ground
from homeport.runtime.probes import Probes
from tests.support.edges import ACCOUNT, settings

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("service", list(Service))
async def test_an_edge_is_among_the_living_under_a_name_of_its_own(
    redis_url: str, nats_url: str, service: Service
) -> None:
    said = settings(redis_url, nats_url)
    probes = Probes()
    async with (
        ground(said, probes, service=service) as here,
        ground(said, Probes(), service=service) as there,
    ):
        assert here.edge.startswith(service)
        assert here.edge != there.edge
        assert here.account == ACCOUNT
        assert await probes.faults() == {}


async def test_without_an_account_nobody_knows_whose_devices_come(
    redis_url: str, nats_url: str
) -> None:
    said = settings(redis_url, nats_url, default_account_id=None)
    with pytest.raises(InvalidConfiguration, match="DEFAULT_ACCOUNT_ID"):
        async with ground(said, Probes(), service=Service.LWM2M):
            pass


async def test_an_edge_does_not_begin_while_redis_is_away(nats_url: str) -> None:
    said = settings("redis://127.0.0.1:1/0", nats_url)
    with pytest.raises(Unavailable, match="Redis"):
        async with ground(said, Probes(), service=Service.LWM2M):
            pass
