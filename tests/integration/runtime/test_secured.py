"""Who we are and whom we may believe, and what becomes of those we do not."""

import asyncio

import pytest

from homeport import names
from homeport.dtls.credentials import Refusal
from homeport.errors import Unavailable
from homeport.events.facts import AnyFact, BootstrapFailed, RegistrationRefused
from homeport.identity import Service
from homeport.names import AccountId
from homeport.runtime import bus, secured
from homeport.runtime.edge import ground
from homeport.runtime.probes import Probes
from tests.support import events, trust
from tests.support.edges import settings
from tests.support.polling import until

pytestmark = pytest.mark.integration

OTHER = AccountId("b" * 32)
PEER = "192.0.2.1:5684"


async def recorded(nats_url: str, count: int) -> list[AnyFact]:
    """Wait for so many events; return them."""
    found: list[AnyFact] = []
    async with bus.connection(nats_url) as nats:

        async def enough() -> bool:
            found[:] = await events.facts_stored(nats)
            return len(found) >= count

        await until(enough)
    return found


async def test_an_edge_waits_until_the_directory_has_been_there(
    redis_url: str, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secured, "WAIT_SECONDS", 0.01)
    said = settings(redis_url, nats_url)
    async with ground(said, Probes(), service=Service.LWM2M) as base:
        entered = asyncio.Event()

        async def enter() -> None:
            async with secured.security(said, base, service=Service.LWM2M) as made:
                assert made.installation == trust.ours()
                entered.set()

        entering = asyncio.create_task(enter())
        await asyncio.wait([entering], timeout=0.05)
        assert not entered.is_set()
        await trust.introduce(redis_url)
        await entering
        assert entered.is_set()


async def test_a_secret_that_is_not_the_directorys_opens_nothing(
    redis_url: str, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trust.introduce(redis_url)
    monkeypatch.setenv("HOMEPORT_SECRET_KEY", "00" * 32)
    said = settings(redis_url, nats_url)
    async with ground(said, Probes(), service=Service.LWM2M) as base:
        with pytest.raises(Unavailable, match="trust view"):
            async with secured.security(said, base, service=Service.LWM2M):
                pass


@pytest.mark.parametrize("service", list(Service))
async def test_only_where_devices_register_their_sessions_are_resumed(
    redis_url: str, nats_url: str, service: Service
) -> None:
    await trust.introduce(redis_url)
    said = settings(redis_url, nats_url)
    async with (
        ground(said, Probes(), service=service) as base,
        secured.security(said, base, service=service) as made,
    ):
        assert (made.ports.resumptions is None) is (service is Service.BOOTSTRAP)


@pytest.mark.parametrize("service", list(Service))
async def test_whose_credential_opens_nothing_is_a_fact(
    redis_url: str, nats_url: str, service: Service
) -> None:
    await trust.introduce(redis_url)
    said = settings(redis_url, nats_url)
    refusal = Refusal(
        "the keys differ", account=OTHER, endpoint_name="kettle", fingerprint="f" * 64
    )
    async with (
        ground(said, Probes(), service=service) as base,
        secured.security(said, base, service=service) as made,
    ):
        made.ports.refused(refusal, PEER)
        made.ports.refused(Refusal("unknown", endpoint_name="a\nb"), PEER)
        found = await recorded(nats_url, 2)
    unknown, known = sorted(found, key=lambda fact: fact.account_id)
    kind = BootstrapFailed if service is Service.BOOTSTRAP else RegistrationRefused
    assert isinstance(known, kind)
    assert (known.account_id, known.endpoint_name) == (OTHER, "kettle")
    assert known.device_id == names.device_id(
        OTHER, names.parse_endpoint_name("kettle")
    )
    assert (known.reason, known.fingerprint) == ("the keys differ", "f" * 64)
    assert isinstance(unknown, kind)
    assert unknown.account_id == names.PLATFORM_ACCOUNT
    assert unknown.endpoint_name == "a\nb"


async def test_a_flood_of_refusals_is_no_flood_of_facts(
    redis_url: str, nats_url: str
) -> None:
    await trust.introduce(redis_url)
    said = settings(redis_url, nats_url)
    async with (
        ground(said, Probes(), service=Service.LWM2M) as base,
        secured.security(said, base, service=Service.LWM2M) as made,
    ):
        for number in range(1_000):
            refusal = Refusal("unknown", endpoint_name=f"stranger-{number}")
            made.ports.refused(refusal, PEER)
        found = await recorded(nats_url, secured.REFUSALS_PER_SECOND)
    assert len(found) <= secured.REFUSALS_PER_SECOND + 5
