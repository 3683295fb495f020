"""A device comes home and leaves again, and everybody hears of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from nats.aio.msg import Msg

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option
from homeport.protocol import tlv
from homeport.protocol.tlv import Resource
from homeport.runtime import bus
from tests.support.lockstep import acknowledge
from tests.support.peer import Peer
from tests.support.polling import until
from tests.support.system import Application, System

pytestmark = pytest.mark.e2e

LINK_FORMAT = ((int(Option.CONTENT_FORMAT), b"\x28"),)
LINKS = b'</>;rt="oma.lwm2m";ct=11542,</3/0/9>;obs'
RESOURCES = [
    {
        "path": "/",
        "rt": "oma.lwm2m",
        "ct": "application/vnd.oma.lwm2m+tlv",
        "obs": False,
    },
    {"path": "/3/0/9", "obs": True},
]


@pytest.fixture(scope="module", autouse=True)
def quietly(shared: System) -> Iterator[None]:
    """In all of this nobody has a reason to complain."""
    before = len(shared.warnings())
    yield
    assert shared.warnings()[before:] == []
    assert shared.faults() == []


async def bootstrap(device: Peer, url: str, endpoint_name: str) -> str:
    """Have a device bootstrapped; return the server that was written to it."""
    await device.ask(url, Code.POST, ("bs",), queries=(f"ep={endpoint_name}",))
    server = ""
    while True:
        asked = codec.decode(await device.hear())
        if asked.code == Code.PUT and asked.path[0] == "0":
            server = written_server(asked)
        device.say(answer(asked), url)
        if asked.path == ("bs",):
            return server


def answer(asked: Message) -> bytes:
    match asked.code:
        case Code.DELETE:
            return acknowledge(asked, Code.DELETED)
        case Code.GET:
            return acknowledge(asked, Code.CONTENT, payload=b"</>;lwm2m=1.1,</0/0>")
        case _:
            return acknowledge(asked)


def written_server(asked: Message) -> str:
    uri, *_ = tlv.decode(asked.payload)
    assert isinstance(uri, Resource)
    return uri.value.decode()


async def register(
    device: Peer, url: str, endpoint_name: str, *queries: str
) -> tuple[str, ...]:
    """Register a device; return the Location of its registration."""
    created = await device.ask(
        url,
        Code.POST,
        ("rd",),
        queries=(f"ep={endpoint_name}", "lwm2m=1.1", "b=U", *queries),
        options=LINK_FORMAT,
        payload=LINKS,
    )
    assert created.code == Code.CREATED
    return created.location


async def test_a_device_is_shown_in_each_state_that_it_passes(
    shared: System, application: Application, device: Peer
) -> None:
    name = "states"
    await device.ask(shared.bootstrap, Code.POST, ("bs",), queries=(f"ep={name}",))
    await application.until_state(name, "cloud_enrolling")
    server = await bootstrap(device, shared.bootstrap, name)
    assert server == shared.lwm2m
    await application.until_state(name, "bootstrapped")
    location = await register(device, server, name)
    await application.until_state(name, "registered")
    await device.ask(server, Code.DELETE, location)
    await application.until_state(name, "deregistered")
    identity = application.device_id(name)
    page = await application.read("/v3/device-events/", device_id__eq=identity)
    assert [
        event["changes"]["state"] for event in page["data"] if event["state_change"]
    ] == ["cloud_enrolling", "bootstrapped", "registered", "deregistered"]
    devices = await application.read("/v3/devices/", endpoint_name__eq=name)
    assert [each["id"] for each in devices["data"]] == [identity]


async def test_the_application_is_told_of_registration_update_and_end(
    shared: System, application: Application, device: Peer
) -> None:
    name = "told"
    location = await register(device, shared.lwm2m, name, "et=kettle", "Q")
    refreshed = await device.ask(shared.lwm2m, Code.POST, location)
    changed = await device.ask(
        shared.lwm2m,
        Code.POST,
        location,
        queries=("lt=600",),
        options=LINK_FORMAT,
        payload=b"</5/0>",
    )
    deleted = await device.ask(shared.lwm2m, Code.DELETE, location)
    assert (refreshed.code, changed.code, deleted.code) == (
        Code.CHANGED,
        Code.CHANGED,
        Code.DELETED,
    )
    registered, first, second, ended = await application.until_told(
        name, "registrations", "reg-updates", "reg-updates", "de-registrations"
    )
    update: dict[str, Any] = {
        "ep": application.device_id(name),
        "ept": "kettle",
        "q": True,
        "resources": RESOURCES,
    }
    assert registered == update | {"original-ep": name}
    assert first == update
    assert second == update | {"resources": [{"path": "/5/0", "obs": False}]}
    assert ended == application.device_id(name)


async def test_a_device_that_falls_silent_is_told_to_have_expired(
    shared: System, application: Application, device: Peer
) -> None:
    name = "silent"
    location = await register(device, shared.lwm2m, name, "lt=1")
    _, expired = await application.until_told(
        name, "registrations", "registrations-expired"
    )
    assert expired == application.device_id(name)
    await application.until_state(name, "deregistered")
    late = await device.ask(shared.lwm2m, Code.POST, location)
    assert late.code == Code.NOT_FOUND


async def test_whoever_listens_to_the_bus_hears_cloud_events(
    shared: System, application: Application, device: Peer
) -> None:
    name = "heard"
    heard: list[Msg] = []

    async def hear(message: Msg) -> None:
        if b'"heard"' in message.data:
            heard.append(message)

    async def enough() -> bool:
        return len(heard) >= 2

    async with bus.connection(shared.nats) as nats:
        await nats.subscribe("homeport.v1.>", cb=hear)
        await nats.flush()
        location = await register(device, shared.lwm2m, name)
        await device.ask(shared.lwm2m, Code.DELETE, location)
        await until(enough)
    registered, deregistered = heard
    assert registered.subject == f"homeport.v1.{shared.account}.device.registered"
    assert registered.headers is not None
    assert registered.headers["ce-specversion"] == "1.0"
    assert registered.headers["ce-type"] == "homeport.v1.device.registered"
    assert registered.headers["ce-source"] == f"/accounts/{shared.account}"
    assert registered.headers["ce-subject"] == application.device_id(name)
    assert registered.headers["content-type"] == "application/json"
    assert deregistered.subject.endswith(".device.deregistered")
