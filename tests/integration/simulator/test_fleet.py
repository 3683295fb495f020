"""A fleet against a server that is played, datagram by datagram."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from homeport.coap.codec import Code, Message, Option
from homeport.protocol import tlv
from homeport.protocol.tlv import Resource
from homeport.simulator import journal
from homeport.simulator.fleet import Fleet
from homeport.simulator.journal import Journal
from homeport.simulator.options import FleetOptions, Habit, Target
from tests.support.polling import until
from tests.support.server import Address, Server, server

pytestmark = pytest.mark.integration

LOCATION = ("rd", "abc")
OPTIONS = FleetOptions(1, Target(), turn=0.01, mix={Habit.UPDATE: 1})


@pytest.fixture
def lwm2m() -> Iterator[Server]:
    with server() as opened:
        yield opened


@pytest.fixture
def bootstrap() -> Iterator[Server]:
    with server() as opened:
        yield opened


@asynccontextmanager
async def running(
    target: Target, options: FleetOptions = OPTIONS, *, journal: Journal | None = None
) -> AsyncIterator[Fleet]:
    with Fleet(replace(options, target=target), journal=journal) as fleet:
        life = asyncio.create_task(fleet.run())
        try:
            yield fleet
        finally:
            fleet.stop()
            await life


async def recorded(fleet: Fleet, operations: int) -> None:
    async def enough() -> bool:
        return fleet.report.operations >= operations

    await until(enough)


async def register(lwm2m: Server) -> None:
    lwm2m.answer(await lwm2m.hear(Code.POST, "rd"), Code.CREATED, location=LOCATION)


async def test_a_device_registers_and_says_that_it_is_there(lwm2m: Server) -> None:
    async with running(Target(lwm2m.url)) as fleet:
        heard = await lwm2m.hear(Code.POST, "rd")
        assert heard[0].queries[0] == "ep=simulated-000000"
        assert not fleet.report.all_home
        lwm2m.answer(heard, Code.CREATED, location=LOCATION)
        for _ in range(3):
            lwm2m.answer(await lwm2m.hear(Code.POST, *LOCATION), Code.CHANGED)
        await recorded(fleet, 4)
        assert fleet.report.all_home
    assert fleet.report.outcomes == {"register": {"2.01": 1}, "update": {"2.04": 3}}


async def test_it_registers_where_its_bootstrap_sends_it(
    bootstrap: Server, lwm2m: Server
) -> None:
    async with running(Target(bootstrap=bootstrap.url)) as fleet:
        message, address = await bootstrap.hear(Code.POST, "bs")
        assert message.queries == ("ep=simulated-000000", "pct=112")
        bootstrap.answer((message, address), Code.CHANGED)
        written = tlv.encode([Resource(0, lwm2m.url.encode()), Resource(2, b"\x03")])
        for code, path, payload, answered in (
            (Code.DELETE, (), b"", Code.DELETED),
            (Code.GET, (), b"", Code.CONTENT),
            (Code.PUT, ("0", "1"), written, Code.CHANGED),
            (Code.PUT, ("1", "1"), b"", Code.CHANGED),
            (Code.POST, ("bs",), b"", Code.CHANGED),
        ):
            bootstrap.ask(address, code, *path, payload=payload)
            assert (await bootstrap.hear_any())[0].code == answered
        await register(lwm2m)
        await recorded(fleet, 2)
    assert fleet.report.outcomes["bootstrap"] == {"2.04": 1}
    assert fleet.report.all_home


async def test_a_device_that_is_not_known_any_more_registers_again(
    lwm2m: Server,
) -> None:
    async with running(Target(lwm2m.url)):
        await register(lwm2m)
        lwm2m.answer(await lwm2m.hear(Code.POST, *LOCATION), Code.NOT_FOUND)
        await register(lwm2m)
        await lwm2m.hear(Code.POST, *LOCATION)


async def test_what_nobody_answers_is_repeated(lwm2m: Server) -> None:
    async with running(Target(lwm2m.url)) as fleet:
        first, _ = await lwm2m.hear(Code.POST, "rd")
        again = await lwm2m.hear(Code.POST, "rd")
        assert again[0] == first
        lwm2m.answer(again, Code.CREATED, location=LOCATION)
        await recorded(fleet, 1)
    assert fleet.report.outcomes["register"] == {"2.01": 1}
    assert fleet.report.latencies["register"].percentile(50) > 1900
    assert fleet.report.repeated["register"] == 1


async def test_a_device_that_is_away_says_nothing(lwm2m: Server) -> None:
    options = replace(OPTIONS, turn=0.2, mix={Habit.DEREGISTER: 1})
    async with running(Target(lwm2m.url), options):
        await register(lwm2m)
        message, address = await lwm2m.hear(Code.DELETE, *LOCATION)
        lwm2m.answer((message, address), Code.DELETED)
        lwm2m.ask(address, Code.POST, "3", "0", "4")
        await lwm2m.hear(Code.POST, "rd")
        lwm2m.ask(address, Code.POST, "3", "0", "4")
        assert (await lwm2m.hear_any())[0].code == Code.CHANGED


async def test_every_answer_is_in_the_journal(lwm2m: Server, tmp_path: Path) -> None:
    with journal.opened(tmp_path / "journal") as opened:
        async with running(
            Target(lwm2m.url),
            replace(OPTIONS, mix={Habit.DEREGISTER: 1}),
            journal=opened,
        ) as fleet:
            await register(lwm2m)
            lwm2m.answer(await lwm2m.hear(Code.DELETE, *LOCATION), Code.DELETED)
            await recorded(fleet, 2)
    lines = (tmp_path / "journal").read_bytes().splitlines()
    assert [
        (line["endpoint_name"], line["operation"], line["code"])
        for line in map(orjson.loads, lines)
    ] == [
        ("simulated-000000", "register", "2.01"),
        ("simulated-000000", "deregister", "2.02"),
    ]


async def test_devices_arrive_one_after_another(lwm2m: Server) -> None:
    options = replace(OPTIONS, devices=3, starts_per_second=1000.0)
    async with running(Target(lwm2m.url), options):
        heard = [await lwm2m.hear(Code.POST, "rd") for _ in range(3)]
    assert [message.queries[0] for message, _ in heard] == [
        f"ep=simulated-{number:06}" for number in range(3)
    ]
    assert len({address for _, address in heard}) == 3


async def test_a_server_that_is_busy_is_left_alone(lwm2m: Server) -> None:
    busy = ((int(Option.MAX_AGE), b"\x3c"),)
    async with running(Target(lwm2m.url), replace(OPTIONS, duration=1.0)) as fleet:
        lwm2m.answer(
            await lwm2m.hear(Code.POST, "rd"), Code.TOO_MANY_REQUESTS, options=busy
        )
        await recorded(fleet, 1)
    assert fleet.report.outcomes == {"register": {"4.29": 1}}
    assert not fleet.report.all_home


async def test_a_fleet_ends_when_its_time_is_over(lwm2m: Server) -> None:
    with Fleet(replace(OPTIONS, target=Target(lwm2m.url), duration=0.1)) as fleet:
        await fleet.run()
    assert not fleet.stopped
    assert not fleet.report.all_home


async def answered(lwm2m: Server, address: Address, code: Code, *path: str) -> Message:
    """Ask a device; answer whatever it says meanwhile, until it answers."""
    lwm2m.ask(address, code, *path)
    while True:
        heard = await lwm2m.hear_any()
        if heard[0].token == b"\x2a":
            return heard[0]
        lwm2m.answer(heard, Code.CHANGED)


async def test_a_server_reads_and_executes(lwm2m: Server) -> None:
    async with running(Target(lwm2m.url)):
        heard = await lwm2m.hear(Code.POST, "rd")
        lwm2m.answer(heard, Code.CREATED, location=LOCATION)
        _, address = heard
        read = await answered(lwm2m, address, Code.GET, "3", "0", "0")
        assert (read.code, read.payload) == (Code.CONTENT, b"Homeport")
        done = await answered(lwm2m, address, Code.POST, "3", "0", "4")
        assert done.code == Code.CHANGED
        while heard[0].path != ("rd",) or heard[0].code != Code.POST:
            heard = await lwm2m.hear_any()
        assert heard[0].path == ("rd",)


async def test_a_server_observes_until_it_wants_no_more(lwm2m: Server) -> None:
    async with running(Target(lwm2m.url)) as fleet:
        heard = await lwm2m.hear(Code.POST, "rd")
        lwm2m.answer(heard, Code.CREATED, location=LOCATION)
        observe = ((int(Option.OBSERVE), b""),)
        lwm2m.ask(heard[1], Code.GET, "3", "0", "9", options=observe)
        numbers: list[int | None] = []
        while len(numbers) < 3:
            heard = await lwm2m.hear_any()
            if heard[0].token == b"\x2a":
                numbers.append(heard[0].number(Option.OBSERVE))
            elif heard[0].code == Code.POST:
                lwm2m.answer(heard, Code.CHANGED)
        assert numbers == [1, 2, 3]
        lwm2m.reset(heard)
        done = fleet.report.outcomes["update"]["2.04"]
        while fleet.report.outcomes["update"]["2.04"] < done + 3:
            message, _ = heard = await lwm2m.hear_any()
            assert message.token != b"\x2a" or message.number(Option.OBSERVE) == 4
            if message.code == Code.POST:
                lwm2m.answer(heard, Code.CHANGED)
