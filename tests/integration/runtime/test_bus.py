"""Whether the bus answers is found by asking, not by looking at a socket."""

import pytest

from homeport.errors import Unavailable
from homeport.runtime import bus
from tests.support.line import line

pytestmark = pytest.mark.integration


async def test_a_server_that_answers_is_well(nats_url: str) -> None:
    async with bus.connection(nats_url) as nats:
        await bus.check(nats)


async def test_a_server_that_is_silent_is_away(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "CHECK_SECONDS", 0.1)
    async with line(nats_url) as (way, url), bus.connection(url) as nats:
        way.hold()
        with pytest.raises(Unavailable, match="NATS"):
            await bus.check(nats)
        way.mend()
        await bus.check(nats)


async def test_a_server_that_is_gone_is_away(nats_url: str) -> None:
    async with line(nats_url) as (way, url), bus.connection(url) as nats:
        way.cut()
        with pytest.raises(Unavailable, match="NATS"):
            await bus.check(nats)
