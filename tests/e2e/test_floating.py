"""Associations outlive their edges: whoever is killed, no device shakes hands again."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest

from homeport.coap.codec import Code
from homeport.dtls.association import COUNTER_BITS, CidForm
from homeport.dtls.client import Offer
from tests.support import customer
from tests.support.background import Background
from tests.support.certificates import authority
from tests.support.homeport import homeport
from tests.support.journal import Answer, answers, everything_told, in_order, told
from tests.support.polling import until
from tests.support.secured_device import SecuredDevice, secured_device
from tests.support.secured_peer import NO_IDS
from tests.support.servers import folder
from tests.support.system import Application, System, system

pytestmark = pytest.mark.e2e

HANDSHAKES = "homeport_dtls_handshakes_total"
TAKEN_OVER = "homeport_dtls_taken_over_total"
DEVICES = 50
OFFERS = (
    Offer(cid=b"device", forms=(CidForm.RFC,)),
    Offer(cid=b"", forms=(CidForm.RFC,)),
    Offer(cid=b"", forms=(CidForm.DRAFT,)),
    Offer(cid=b"device", forms=(CidForm.DRAFT,)),
    NO_IDS,
)
SIMULATED = 60
FLEET = (
    *("--devices", str(SIMULATED), "--rate", "20", "--turn", "2"),
    *("--mix", "update=80,change=15,rebind=5"),
)
DEVELOPER = 1
"""The execution mode of devices that came by a developer certificate."""
BETWEEN = 60
"""Notifications that have to arrive before the next process dies."""


@pytest.fixture(scope="module")
def pair(elsewhere: Background) -> Iterator[System]:
    """A platform with two lwm2m edges, and without plain ports."""
    with (
        folder() as data,
        elsewhere.entered(system(data, "--scale", "lwm2m=2")) as serving,
    ):
        yield serving
        assert serving.faults() == []


@pytest.fixture
async def application(pair: System) -> AsyncIterator[Application]:
    """An application that is told what happens, and when it was new."""
    async with pair.application(
        deregistrations_as_object=True, include_uid=True
    ) as opened:
        yield opened


@pytest.fixture
async def devices(
    pair: System, application: Application
) -> AsyncIterator[Sequence[SecuredDevice]]:
    """Registered devices with all kinds of connection ids, by keys and certificates."""
    batch = secrets.token_hex(4)
    factory = authority(f"Factory of batch {batch}")
    await customer.trust_authority(application.api, factory)
    with ExitStack() as stack:
        made = []
        for number, offer in zip(range(DEVICES), cycle(OFFERS), strict=False):
            name = f"floating-{batch}-{number:02}"
            key = customer.new_key(name)
            if by_key := number % 2:
                await customer.register_key(application.api, key)
            made.append(
                stack.enter_context(
                    secured_device(
                        pair.secured_lwm2m,
                        name,
                        key if by_key else factory.issue(name),
                        offer=offer,
                    )
                )
            )
        await asyncio.gather(*(device.come_home() for device in made))
        yield made


async def test_a_killed_edge_costs_no_device_a_handshake(
    pair: System, application: Application, devices: Sequence[SecuredDevice]
) -> None:
    for number in range(2):
        shaken = await pair.metric("lwm2m", HANDSHAKES)
        taken = await pair.metric("lwm2m", TAKEN_OVER)
        killed = await pair.kill("lwm2m", number=number)
        codes = await asyncio.gather(*(device.update() for device in devices))
        assert set(codes) == {Code.CHANGED}
        for page, count in (await pair.metric("lwm2m", HANDSHAKES)).items():
            assert count == shaken.get(page, 0)
        now = await pair.metric("lwm2m", TAKEN_OVER)
        assert any(count > taken.get(page, 0) for page, count in now.items())
        await pair.until_replaced("lwm2m", killed, count=2)
    for device in devices:
        await application.until_told(
            device.endpoint_name, "registrations", *["reg-updates"] * 2
        )


async def test_devices_come_from_new_ports_and_to_new_edges_at_once(
    pair: System, devices: Sequence[SecuredDevice]
) -> None:
    moving = [device for device in devices if device.has_connection_id]
    assert len(moving) == DEVICES * 4 // 5
    killed = await pair.kill("lwm2m")
    for device in moving:
        device.peer.rebind()
    codes = await asyncio.gather(*(device.update() for device in devices))
    assert set(codes) == {Code.CHANGED}
    await pair.until_replaced("lwm2m", killed, count=2)


async def test_no_sequence_number_is_ever_used_twice(
    pair: System, devices: Sequence[SecuredDevice]
) -> None:
    for _ in range(3):
        killed = await pair.kill("lwm2m")
        await asyncio.gather(*(device.update() for device in devices))
        await pair.until_replaced("lwm2m", killed, count=2)
        await asyncio.gather(*(device.update() for device in devices))
    generations = set()
    for device in devices:
        different = {record.raw: record for record in device.numbered()}.values()
        numbers = {(record.epoch, record.sequence) for record in different}
        assert len(numbers) == len(different)
        generations |= {sequence >> COUNTER_BITS for _, sequence in numbers}
    assert len(generations) > 2


async def test_a_fleet_of_developers_devices_does_not_notice(
    pair: System, application: Application, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    async with homeport(
        *("simulate", "--ready-file", str(pair.ready_file), *FLEET),
        *("--journal", str(journal)),
    ) as fleet:
        await kill(pair, "bootstrap", application)
        await all_home(application)
        for number in range(2):
            await kill(pair, "lwm2m", application, number=number)
        assert await fleet.end() == 0
    answered = {
        device: each
        for device, each in answers(journal).items()
        if device in told(application)
    }
    assert len(answered) == SIMULATED
    assert [handshakes(each) for each in answered.values()] == [["full"]] * SIMULATED
    await everything_told(application, answered)
    in_order(application)


async def kill(
    serving: System, name: str, application: Application, *, number: int = 0
) -> None:
    """Kill a process; wait for its successor, and until life goes on."""
    count = len(serving.processes[name])
    killed = await serving.kill(name, number=number)
    await serving.until_replaced(name, killed, count=count)
    await application.webhook.until_items(
        len(application.webhook.items()) + BETWEEN, seconds=30
    )


async def all_home(application: Application) -> None:
    async def home() -> bool:
        page = await application.read(
            "/v3/devices/",
            device_execution_mode__eq=DEVELOPER,
            state__eq="registered",
            include="total_count",
        )
        return bool(page["total_count"] == SIMULATED)

    await until(home, seconds=60)


def handshakes(answered: Sequence[Answer]) -> list[str]:
    return [code for operation, code in answered if operation == "handshake"]
