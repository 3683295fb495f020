"""What is read of a device and discovered, and in which format it comes."""

import pytest

from homeport.coap.codec import Code, Option, Type
from homeport.events.facts import RequestOutcome
from tests.support.device_requests import (
    CBOR,
    JSON,
    LINK_FORMAT,
    OPAQUE,
    SENML_CBOR,
    SENML_JSON,
    TEXT,
    TLV,
    exchange,
    form,
    said,
)
from tests.support.lwm2m_edge import IZUMA, KITCHEN, Device, Edge, number

pytestmark = pytest.mark.integration


@pytest.mark.conforms("C-124", "ETS-201")
async def test_a_resource_is_read_as_text(edge: Edge, device: Device) -> None:
    request, ended = await exchange(
        edge, device, Code.CONTENT, b"Open", options=[form(TEXT)], accept=TEXT
    )
    assert (request.type, request.code) == (Type.CON, Code.GET)
    assert request.path == ("3", "0", "0")
    assert request.number(Option.ACCEPT) == TEXT
    assert request.value(Option.OBSERVE) is None
    assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.05")
    assert (said(ended), ended.content_format, ended.max_age) == (b"Open", TEXT, 60)
    assert (ended.method, ended.path) == ("GET", "/3/0/0")


@pytest.mark.conforms("C-125", "ETS-203", "ETS-204", "ETS-231", "ETS-233", "ETS-211")
@pytest.mark.parametrize("wanted", [TLV, JSON, SENML_JSON, SENML_CBOR, CBOR])
async def test_a_value_comes_in_the_format_that_is_asked_for(
    edge: Edge, device: Device, wanted: int
) -> None:
    request, ended = await exchange(
        edge, device, Code.CONTENT, b"\x01", options=[form(wanted)], accept=wanted
    )
    assert request.number(Option.ACCEPT) == wanted
    assert (ended.content_format, said(ended)) == (wanted, b"\x01")


@pytest.mark.conforms("C-126", "ETS-222", "ETS-223", "ETS-224", "ETS-225")
@pytest.mark.parametrize("path", ["/3", "/3/0", "/3/0/9", "/3/0/6/1"])
async def test_everything_that_has_a_path_is_read(
    edge: Edge, device: Device, path: str
) -> None:
    request, _ = await exchange(edge, device, Code.CONTENT, b"1", path=path)
    assert "/" + "/".join(request.path) == path


@pytest.mark.conforms("C-127", "ETS-237", "C-203", "R-127")
@pytest.mark.parametrize("content_format", [TLV, 9_999])
async def test_whatever_format_comes_is_passed_on(
    edge: Edge, device: Device, content_format: int
) -> None:
    request, ended = await exchange(
        edge, device, Code.CONTENT, b"\xff", options=[form(content_format)]
    )
    assert request.value(Option.ACCEPT) is None
    assert ended.content_format == content_format


@pytest.mark.conforms("C-131", "Leshan ReadTest", "R-93")
async def test_an_empty_value_is_a_value(edge: Edge, device: Device) -> None:
    _, ended = await exchange(edge, device, Code.CONTENT, options=[form(TEXT)])
    assert (ended.outcome, ended.code, ended.payload) == (
        *(RequestOutcome.ANSWERED, "2.05", ""),
    )
    value = await edge.queue.value(KITCHEN, "/3/0/0")
    assert value is not None
    assert value.payload == b""


@pytest.mark.conforms("C-146", "ETS-260", "Leshan DiscoverTest")
async def test_links_are_what_a_device_says_and_no_value(
    edge: Edge, device: Device
) -> None:
    links = b"</3>;dim=2,</3/0>;pmin=10,</3/0/0>"
    request, ended = await exchange(
        edge,
        device,
        Code.CONTENT,
        links,
        options=[form(LINK_FORMAT)],
        path="/3",
        accept=LINK_FORMAT,
    )
    assert request.number(Option.ACCEPT) == LINK_FORMAT
    assert (said(ended), ended.content_format) == (links, LINK_FORMAT)
    assert await edge.queue.value(KITCHEN, "/3") is None


@pytest.mark.conforms("C-155", "OP-1")
@pytest.mark.parametrize("code", [Code.METHOD_NOT_ALLOWED, Code.BAD_REQUEST])
async def test_an_izuma_device_tells_the_value_of_what_it_does_not_observe(
    edge: Edge, code: Code
) -> None:
    device = edge.device()
    await device.register(IZUMA)
    request, ended = await exchange(
        edge, device, code, b"22", options=[form(TEXT)], observe=True
    )
    assert request.value(Option.OBSERVE) == b""
    assert (ended.code, said(ended), ended.observed) == ("2.05", b"22", False)
    assert await edge.queue.observed(KITCHEN) == {}


@pytest.mark.conforms("C-155", "OP-1")
async def test_the_error_of_anybody_else_is_one(edge: Edge, device: Device) -> None:
    _, ended = await exchange(
        edge, device, Code.METHOD_NOT_ALLOWED, b"no", options=[form(TEXT)], observe=True
    )
    assert (ended.code, ended.observed) == ("4.05", False)


@pytest.mark.conforms("C-156", "ETS-701", "ETS-751", "ETS-801", "ETS-1630")
@pytest.mark.parametrize("path", ["/4/0", "/5/0", "/6/0", "/16/0"])
async def test_large_objects_are_read_whole(
    edge: Edge, device: Device, path: str
) -> None:
    value = bytes(range(256)) * 10
    await edge.ask(path=path)
    for number_, begin in enumerate(range(0, len(value), 1024)):
        request = await device.hear_request()
        more = begin + 1024 < len(value)
        block = number(number_ << 4 | more << 3 | 6)
        options = sorted([form(OPAQUE), (int(Option.BLOCK2), block)])
        device.answer(request, Code.CONTENT, value[begin : begin + 1024], options)
    (ended,) = await edge.ended()
    assert said(ended) == value


@pytest.mark.conforms("C-078", "B-201")
async def test_a_device_is_asked_below_the_path_that_it_has_chosen(edge: Edge) -> None:
    device = edge.device()
    await device.register(payload=b'</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>')
    request, ended = await exchange(edge, device, Code.CONTENT, b"1")
    assert request.path == ("lwm2m", "3", "0", "0")
    assert ended.path == "/3/0/0"
