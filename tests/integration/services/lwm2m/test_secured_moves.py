"""Devices that come from elsewhere or to another edge, and are asked there."""

import signal
from contextlib import AsyncExitStack

import pytest
from prometheus_client import REGISTRY

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.dtls import records
from homeport.dtls.association import CidForm
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.records import AlertLevel, ContentType
from homeport.events.facts import FactName, RequestCompleted, RequestOutcome
from homeport.protocol.device_requests import Method
from tests.support.edges import address
from tests.support.polling import until
from tests.support.secured_edges import (
    CREDENTIALS,
    IDS,
    IZUMA,
    KETTLE,
    KEY,
    Device,
    Site,
)
from tests.support.secured_peer import secured_peer, with_cid

pytestmark = pytest.mark.integration

CLOSE_NOTIFY = 0


def handshakes() -> float:
    """Count the handshakes that have led to an association."""
    name = "homeport_dtls_handshakes_total"
    full, resumed = ({"result": result} for result in ("full", "resumed"))
    return sum(REGISTRY.get_sample_value(name, each) or 0 for each in (full, resumed))


def replayed() -> float:
    """Count the operations that were recorded and sent again."""
    name, labels = "homeport_lwm2m_operations_total", {"result": "replayed"}
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.mark.conforms("C-054", "C-110", "B-093")
async def test_either_edge_answers_without_a_handshake(site: Site) -> None:
    async with site.edge() as here, site.edge() as there, site.device(here) as device:
        location = (await device.register()).location
        for url in (there, here, there):
            device.peer.address = address(url)
            assert (await device.update(location)).code == Code.CHANGED


async def test_a_recorded_operation_that_another_edge_imports_changes_nothing(
    site: Site,
) -> None:
    async with (
        site.edge() as here,
        site.edge() as there,
        site.device(here) as device,
    ):
        created = await device.register()
        registered = device.peer.sent[-1]
        left = await device.ask(Code.DELETE, created.location)
        assert left.code == Code.DELETED
        deregistered = device.peer.sent[-1]
        again = await device.register()
        assert again.code == Code.CREATED
        before = replayed()

        async def examined() -> bool:
            return replayed() == before + 2

        with secured_peer(address(there)) as recorder:
            for recorded in (registered, deregistered):
                recorder.say_datagram(recorded)
            await until(examined)
            assert await recorder.hears_nothing()
        assert (await device.update(again.location)).code == Code.CHANGED
        device.peer.address = address(there)
        assert (await device.update(again.location)).code == Code.CHANGED
        found = await site.facts(5)
    assert [fact.name for fact in found] == [
        FactName.DEVICE_REGISTERED,
        FactName.DEVICE_DEREGISTERED,
        FactName.DEVICE_REGISTERED,
        FactName.REGISTRATION_UPDATED,
        FactName.REGISTRATION_UPDATED,
    ]


@pytest.mark.conforms("C-124", "C-150", "B-172")
@pytest.mark.parametrize("credential", CREDENTIALS)
async def test_a_request_reaches_a_device_by_its_association(
    site: Site, credential: DeviceKey | CertifiedKey
) -> None:
    async with site.edge() as url, site.device(url, credential) as device:
        await device.register()
        device.peer.rebind()
        assert (await device.ask(Code.POST, ("dp",))).code == Code.BAD_REQUEST
        assert await site.ask(KETTLE, "/3/0/9")
        request = codec.decode(await device.peer.hear())
        assert (request.code, request.path) == (Code.GET, ("3", "0", "9"))
        device.peer.say(
            codec.encode(
                Message(
                    *(Type.ACK, Code.CONTENT, request.message_id, request.token),
                    payload=b"95",
                )
            )
        )
        _, ended = await site.facts(2)
        assert isinstance(ended, RequestCompleted)
        assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.05")


@pytest.mark.conforms("C-055", "C-122", "B-172", "B-180")
@pytest.mark.parametrize("offer", [IDS, Offer()])
async def test_a_device_is_asked_by_the_edge_that_follows_its_own(
    site: Site, offer: Offer
) -> None:
    async with AsyncExitStack() as stack:
        async with site.edge() as former:
            device = await stack.enter_async_context(site.device(former, offer=offer))
            await device.register()
        await site.enqueue(KETTLE, "/3/0/9")
        device.peer.address = address(await stack.enter_async_context(site.edge()))
        request = await device.hear_request()
        assert (request.code, request.path) == (Code.GET, ("3", "0", "9"))
        device.answer(request, Type.ACK, Code.CONTENT, payload=b"95")
        _, ended = await site.facts(2)
        assert isinstance(ended, RequestCompleted)
        assert ended.outcome is RequestOutcome.ANSWERED
        assert await site.ask(KETTLE, "/3/0/0")
        request = await device.hear_request()
        assert request.path == ("3", "0", "0")
        device.answer(request, Type.ACK, Code.CONTENT, payload=b"0")


async def is_written_once(site: Site, device: Device, location: str) -> None:
    """See that a write has been told as done, and is neither asked nor told again."""
    _, ended = await site.facts(2)
    assert isinstance(ended, RequestCompleted)
    assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.04")
    assert (await device.update(location)).code == Code.CHANGED
    assert await device.peer.hears_nothing()
    assert len(await site.facts(3)) == 3


@pytest.mark.conforms("B-172", "B-180")
@pytest.mark.parametrize("offer", [IDS, Offer()])
@pytest.mark.parametrize("acknowledged", [None, "here", "there"])
async def test_a_write_that_is_answered_to_another_edge_is_written_once(
    site: Site, offer: Offer, acknowledged: str | None
) -> None:
    async with (
        site.edge() as here,
        site.edge() as there,
        site.device(here, offer=offer) as device,
    ):
        location = (await device.register()).location
        assert await site.ask(KETTLE, "/3/0/14", Method.PUT, payload=b"+1", retries=9)
        request = await device.hear_request()
        if acknowledged == "there":
            device.peer.address = address(there)
        if acknowledged is not None:
            device.answer(request, Type.ACK, Code.EMPTY)
        device.peer.address = address(there)
        kind = Type.ACK if acknowledged is None else Type.CON
        device.answer(request, kind, Code.CHANGED)
        if kind is Type.CON:
            assert (await device.hear_request()).type is Type.ACK
        await is_written_once(site, device, location)


@pytest.mark.conforms("C-055", "B-172", "B-180")
async def test_a_write_whose_edge_is_killed_before_the_answer_is_written_once(
    site: Site,
) -> None:
    async with site.process() as (first, url), AsyncExitStack() as stack:
        device = await stack.enter_async_context(site.device(url))
        location = (await device.register()).location
        await stack.enter_async_context(site.process(address(url)[1]))
        assert await site.ask(KETTLE, "/3/0/14", Method.PUT, payload=b"+1")
        request = await device.hear_request()
        await first.end(signal.SIGKILL)
        device.answer(request, Type.ACK, Code.CHANGED)
        await is_written_once(site, device, location)


@pytest.mark.conforms("B-172", "B-173")
async def test_who_shakes_hands_anew_instead_of_answering_is_asked_once_more(
    site: Site,
) -> None:
    async with site.edge() as url, site.device(url, offer=Offer()) as device:
        await device.register()
        assert await site.ask(KETTLE, "/3/0/9")
        await device.hear_request()
        await device.peer.shake_hands(KEY)
        again = await device.hear_request()
        assert (again.code, again.path) == (Code.GET, ("3", "0", "9"))
        device.answer(again, Type.ACK, Code.CONTENT, payload=b"95")
        _, ended = await site.facts(2)
        assert isinstance(ended, RequestCompleted)
        assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.05")


@pytest.mark.conforms("C-064", "Leshan PskTest", "Californium 2235")
@pytest.mark.parametrize("binding", ["U", "UQ"])
async def test_who_has_left_is_not_called_back(site: Site, binding: str) -> None:
    queries = ("lwm2m=1.0", f"b={binding}")
    async with site.edge() as url, site.device(url, queries=queries) as device:
        assert (await device.register()).code == Code.CREATED
        goodbye = records.alert(AlertLevel.WARNING, CLOSE_NOTIFY)
        device.peer.say_datagram(device.peer.seal(goodbye, ContentType.ALERT))
        assert await device.peer.hears_nothing()
        assert not await site.ask(KETTLE, "/3/0/0")
        assert await device.peer.hears_nothing()


@pytest.mark.conforms("C-242", "Leshan 1421", "B-221")
async def test_a_device_comes_from_a_new_port_with_whatever_it_says(site: Site) -> None:
    async with site.edge() as url, site.device(url) as device:
        location = (await device.register()).location
        device.peer.rebind()
        assert (await device.update(location)).code == Code.CHANGED
        await site.ask(KETTLE, "/3/0/9", observe=True)
        observe = await device.hear_request()
        device.peer.rebind()  # before its acknowledgement
        numbered = ((int(Option.OBSERVE), b"\x01"),)
        device.answer(observe, Type.ACK, Code.CONTENT, options=numbered, payload=b"95")
        await site.facts(3)
        device.peer.rebind()  # before a notification
        message_id = device.tell(observe.token, 2, b"94")
        taken = codec.decode(await device.peer.hear())
        assert (taken.type, taken.message_id) == (Type.ACK, message_id)
        device.peer.rebind()  # before what it sends
        pack = b'[{"n":"/3/0/9","v":93}]'
        sent = await device.ask(Code.POST, ("dp",), payload=pack, content_format=110)
        assert sent.code == Code.CHANGED
        await site.ask(KETTLE, "/3/0/0")
        asked = await device.hear_request()
        device.peer.rebind()  # before a reset
        device.answer(asked, Type.RST, Code.EMPTY)
        *_, ended = await site.facts(6)
        assert isinstance(ended, RequestCompleted)
        assert ended.outcome is RequestOutcome.UNREACHABLE
        heard = []
        for number, links in enumerate((b"</1/0>,</3/0>,</4/0>,</5/0>,</6/", b"0>")):
            device.peer.rebind()  # between blocks
            block = bytes([number << 4 | 8 * (not number) | 1])
            said = await device.ask(
                *(Code.POST, ("rd",), ("lt=300", "lwm2m=1.1"), links),
                options=((int(Option.BLOCK1), block),),
            )
            heard.append(said.code)
        assert heard == [Code.CONTINUE, Code.CREATED]


@pytest.mark.conforms("C-254", "RST-2", "B-093")
async def test_an_izuma_device_that_reboots_registers_at_any_edge_at_once(
    site: Site,
) -> None:
    offer = with_cid(CidForm.DRAFT)
    async with (
        site.edge() as first,
        site.edge() as second,
        site.device(first, offer=offer, queries=IZUMA) as device,
    ):
        assert (await device.register()).code == Code.CREATED
        await site.ask(KETTLE, "/3/0/4", Method.POST)
        asked = await device.hear_request()
        empty = b"\x60\x00" + asked.message_id.to_bytes(2, "big") + b"\xc0"
        device.peer.say(empty)
        done = Message(Type.CON, Code.CHANGED, asked.message_id, asked.token)
        device.peer.say(codec.encode(done))
        assert codec.decode(await device.peer.hear()).type is Type.ACK
        shaken, said = handshakes(), len(device.peer.sent)
        device.peer.rebind()
        device.peer.address = address(second)
        device.message_id = 0x4000
        assert (await device.register()).code == Code.CREATED
        assert len(device.peer.sent) == said + 1
        assert handshakes() == shaken
        facts = await site.facts(3)
    assert [fact.name for fact in facts] == [
        FactName.DEVICE_REGISTERED,
        FactName.REQUEST_COMPLETED,
        FactName.DEVICE_REGISTERED,
    ]
