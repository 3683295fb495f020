"""A fleet against a secured server that is played, message by message."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from homeport.coap.codec import Code
from homeport.dtls.client import DeviceKey
from homeport.identity import Means
from homeport.protocol import tlv
from homeport.protocol.tlv import Resource
from homeport.simulator import journal
from homeport.simulator.factory import DerivedKeys, SharedCertificate
from homeport.simulator.fleet import Fleet
from homeport.simulator.journal import Journal
from homeport.simulator.options import ConnectionIds, FleetOptions, Habit, Target
from tests.support.dtls import house
from tests.support.polling import until
from tests.support.secured import Trusting
from tests.support.secured_server import Heard, SecuredServer, secured_server

pytestmark = pytest.mark.integration

LOCATION = ("rd", "abc")
NAME = "simulated-000000"
KEYS = DerivedKeys(b"secret")
OPTIONS = FleetOptions(1, Target(), turn=0.01, mix={Habit.UPDATE: 1}, factory=KEYS)


def trusting(*names: str) -> Trusting:
    """Trust the derived keys of devices."""
    made = Trusting(keys={})
    for name in names or (NAME,):
        shown = KEYS.credential(name)
        assert isinstance(shown, DeviceKey)
        made.keys[shown.identity] = shown.key
    return made


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


async def shaken(fleet: Fleet, outcome: str, count: int = 1) -> None:
    async def enough() -> bool:
        return fleet.report.outcomes["handshake"][outcome] >= count

    await until(enough)


async def register(server: SecuredServer) -> Heard:
    heard = await server.hear(Code.POST, "rd")
    server.answer(heard, Code.CREATED, location=LOCATION)
    return heard


async def updated(server: SecuredServer) -> Heard:
    heard = await server.hear(Code.POST, *LOCATION)
    server.answer(heard, Code.CHANGED)
    return heard


async def updates(server: SecuredServer) -> None:
    """Answer every update."""
    while True:
        await updated(server)


async def test_a_device_proves_who_it_is_and_registers(redis_url: str) -> None:
    async with (
        secured_server(redis_url, trusting()) as lwm2m,
        running(Target(lwm2m.url)) as fleet,
    ):
        message, peer = await register(lwm2m)
        assert message.queries[0] == f"ep={NAME}"
        assert peer.origin.identity.name == f"psk:{NAME}"
        assert (await updated(lwm2m))[1] is peer
        lwm2m.ask(peer, Code.POST, "3", "0", "4")
        assert (await lwm2m.hear_any())[0].code in (Code.POST, Code.CHANGED)
        assert fleet.report.all_home
    assert fleet.report.outcomes["handshake"] == {"full": 1}


async def bootstrap(
    server: SecuredServer, written: Sequence[Resource], *, queries: tuple[str, ...]
) -> None:
    heard = await server.hear(Code.POST, "bs")
    assert heard[0].queries == queries
    server.answer(heard, Code.CHANGED)
    for code, path, payload, answered in (
        (Code.DELETE, (), b"", Code.DELETED),
        (Code.PUT, ("0", "1"), tlv.encode(written), Code.CHANGED),
        (Code.POST, ("bs",), b"", Code.CHANGED),
    ):
        server.ask(heard[1], code, *path, payload=payload)
        assert (await server.hear_any())[0].code == answered


async def test_it_registers_with_the_certificate_that_bootstrap_gives_it(
    redis_url: str,
) -> None:
    made = house()
    (own,), key, root = made.device.chain, made.device.key, made.authority.der
    trust = Trusting(anchors=[root])
    options = replace(OPTIONS, factory=SharedCertificate(made.device), anchor=root)
    async with (
        secured_server(redis_url, trust, certified=made.server) as first,
        secured_server(redis_url, trust, certified=made.server) as lwm2m,
    ):
        written = (
            *(Resource(0, lwm2m.url.encode()), Resource(2, b"\x02")),
            *(Resource(3, own), Resource(4, root), Resource(5, key)),
        )
        async with running(Target(bootstrap=first.url), options) as fleet:
            queries = ("ep=device", "pct=112")
            await bootstrap(first, written, queries=queries)
            message, _ = await register(lwm2m)
            assert message.queries[0] == "ep=device"
            await updated(lwm2m)
    assert fleet.report.outcomes["handshake"] == {"full": 2}


@pytest.mark.parametrize("ids", [ConnectionIds.RFC, ConnectionIds.DRAFT])
async def test_another_port_needs_no_handshake(
    redis_url: str, ids: ConnectionIds
) -> None:
    options = replace(OPTIONS, mix={Habit.REBIND: 1}, connection_ids=ids)
    async with (
        secured_server(redis_url, trusting()) as lwm2m,
        running(Target(lwm2m.url), options) as fleet,
    ):
        await register(lwm2m)
        peers = [(await updated(lwm2m))[1] for _ in range(3)]
        assert len(set(map(id, peers))) == 1
    assert fleet.report.outcomes["handshake"] == {"full": 1}


async def test_a_session_is_resumed(redis_url: str) -> None:
    options = replace(OPTIONS, mix={Habit.RESUME: 1})
    async with (
        secured_server(redis_url, trusting()) as lwm2m,
        running(Target(lwm2m.url), options) as fleet,
    ):
        first = await register(lwm2m)
        again = [await updated(lwm2m) for _ in range(3)]
        associations = {peer.origin.association for _, peer in (first, *again)}
        assert len(associations) == 4
        await shaken(fleet, "resumed", 3)
    assert fleet.report.outcomes["handshake"]["full"] == 1


async def test_one_whose_credential_has_expired_bootstraps_again(
    redis_url: str,
) -> None:
    identity, soon = b"given", int(time.time() * 1000) + 1500
    trust = Trusting({identity: b"k" * 16}, means=Means.ISSUED, expires=soon)
    options = replace(OPTIONS, turn=0.2)
    async with (
        secured_server(redis_url, trusting()) as first,
        secured_server(redis_url, trust) as lwm2m,
    ):
        written = (
            *(Resource(0, lwm2m.url.encode()), Resource(2, b"\x00")),
            *(Resource(3, identity), Resource(5, b"k" * 16)),
        )
        queries = (f"ep={NAME}", "pct=112")
        async with running(Target(bootstrap=first.url), options) as fleet:
            await bootstrap(first, written, queries=queries)
            await register(lwm2m)
            answering = asyncio.create_task(updates(lwm2m))
            await bootstrap(first, written, queries=queries)
            await shaken(fleet, "full", 3)
            answering.cancel()


async def test_a_refused_handshake_is_reported(redis_url: str, tmp_path: Path) -> None:
    made = house()
    options = replace(OPTIONS, factory=SharedCertificate(made.device))
    with journal.opened(tmp_path / "journal") as opened:
        async with (
            secured_server(redis_url, Trusting(), certified=made.server) as lwm2m,
            running(Target(lwm2m.url), options, journal=opened) as fleet,
        ):
            await shaken(fleet, "failed")
            assert not fleet.report.all_home
    (line,) = map(orjson.loads, (tmp_path / "journal").read_bytes().splitlines())
    assert (line["endpoint_name"], line["operation"]) == ("device", "handshake")
    assert (line["code"], bool(line["reason"])) == ("failed", True)


async def test_devices_are_told_apart(redis_url: str) -> None:
    names = [f"simulated-{number:06}" for number in range(20)]
    options = replace(OPTIONS, devices=20, starts_per_second=1000.0, turn=10)
    async with (
        secured_server(redis_url, trusting(*names)) as lwm2m,
        running(Target(lwm2m.url), options) as fleet,
    ):
        heard = [await register(lwm2m) for _ in names]
        await shaken(fleet, "full", 20)
    assert {peer.origin.identity.endpoint_name for _, peer in heard} == set(names)
