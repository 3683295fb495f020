"""What stood still and goes on changes nothing; what was away ends nothing (B-108)."""

import asyncio
import os
import signal
import time
from datetime import UTC, datetime

import pytest

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option
from tests.support.homeport import gone
from tests.support.peer import Peer, peer
from tests.support.polling import until
from tests.support.servers import folder
from tests.support.system import Application, System, system

pytestmark = pytest.mark.e2e

LINK_FORMAT = ((int(Option.CONTENT_FORMAT), b"\x28"),)
TOO_OLD_SECONDS = 6
OUTAGE_SECONDS = 10.5
LIFETIME_SECONDS = 3
OUTAGE_GRACE_SECONDS = 10


def register(device: Peer, endpoint_name: str, *queries: str) -> bytes:
    return device.request(
        Code.POST,
        ("rd",),
        queries=(f"ep={endpoint_name}", *queries),
        options=LINK_FORMAT,
        payload=b"</1/0>",
    )


async def passed(seconds: float, *, since: float) -> None:
    async def over() -> bool:
        return time.monotonic() - since > seconds

    await until(over)


async def insist(device: Peer, datagram: bytes, url: str) -> Message:
    """Repeat a datagram, as devices do, until it is answered."""
    async with asyncio.timeout(20):
        while True:
            device.say(datagram, url)
            try:
                async with asyncio.timeout(0.5):
                    return codec.decode(await device.hear())
            except TimeoutError:
                continue


@pytest.mark.conforms("C-250")
async def test_a_stopped_and_continued_edge_changes_nothing(
    shared: System, application: Application, device: Peer
) -> None:
    name = "frozen"
    (edge,) = shared.processes["lwm2m"]
    os.kill(edge, signal.SIGSTOP)
    try:
        device.say(register(device, name, "et=old"), shared.lwm2m)
        await passed(TOO_OLD_SECONDS, since=time.monotonic())
    finally:
        os.kill(edge, signal.SIGCONT)
    with peer() as again:
        fresh = register(again, name, "et=fresh")
        assert (await insist(again, fresh, shared.lwm2m)).code == Code.CREATED
    (registered,) = await application.until_told(name, "registrations")
    assert registered["ept"] == "fresh"
    assert await device.hears_nothing(shared.lwm2m)


@pytest.mark.conforms("C-241", "B-108")
async def test_after_an_outage_devices_have_time_to_come_back(device: Peer) -> None:
    grace = {
        "HOMEPORT_EXPIRY_GRACE_SECONDS": "0",
        "HOMEPORT_EXPIRY_OUTAGE_GRACE_SECONDS": str(OUTAGE_GRACE_SECONDS),
    }
    with folder() as data:
        async with system(data, "--nosec", **grace) as before:
            location = await registered(device, before, "patient")
            await registered(device, before, "silent")
            processes = [pid for pids in before.processes.values() for pid in pids]
            before.up.process.kill()
            killed = time.monotonic()
            await gone(*processes)
        await passed(OUTAGE_SECONDS, since=killed)
        again = datetime.now(UTC)
        async with (
            system(data, "--nosec", **grace) as after,
            after.application() as application,
        ):
            updated = await device.ask(
                after.lwm2m, Code.POST, location, queries=("lt=600",)
            )
            assert updated.code == Code.CHANGED
            await expired(application, "silent", since=again)
            assert await application.state("patient") == "registered"


async def registered(
    device: Peer, serving: System, endpoint_name: str
) -> tuple[str, ...]:
    """Register for too short a time; return the Location."""
    datagram = register(device, endpoint_name, f"lt={LIFETIME_SECONDS}")
    created = await insist(device, datagram, serving.lwm2m)
    assert created.code == Code.CREATED
    return created.location


async def expired(
    application: Application, endpoint_name: str, *, since: datetime
) -> None:
    """Wait for the end of a registration, and check that it did not come early."""
    await application.until_state(endpoint_name, "deregistered")
    page = await application.read(
        "/v3/device-events/",
        device_id__eq=application.device_id(endpoint_name),
        order="DESC",
    )
    event = page["data"][0]
    assert event["event_type"].endswith("registration-expired")
    waited = datetime.fromisoformat(event["date_time"]) - since
    assert waited.total_seconds() >= OUTAGE_GRACE_SECONDS
