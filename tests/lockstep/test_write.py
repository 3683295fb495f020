"""What a device is told to write, to execute and to create."""

import pytest

from homeport.coap.codec import Code, Option, Type
from homeport.events.facts import RequestOutcome
from homeport.protocol.alterations import Alterations
from homeport.protocol.device_requests import Method
from tests.support.device_requests import (
    CBOR,
    JSON,
    OPAQUE,
    SENML_JSON,
    TEXT,
    TLV,
    exchange,
)
from tests.support.lwm2m_edge import IZUMA, Device, Edge

pytestmark = pytest.mark.integration


@pytest.mark.conforms(
    "C-132", "ETS-205", "ETS-215", "ETS-220", "ETS-232", "ETS-234", "ETS-212"
)
@pytest.mark.conforms("C-134", "C-135", "C-136", "C-140", "ETS-227", "ETS-228")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((Method.PUT, "/1/0/1"), (Method.PUT, "/1/0"), (Method.PUT, "/1/0/1/2")),
        *((Method.POST, "/1/0"), (Method.POST, "/3/0/4"), (Method.POST, "/1")),
    ],
)
@pytest.mark.parametrize("content_format", [TEXT, TLV, JSON, SENML_JSON, CBOR])
async def test_what_is_written_goes_as_it_is(
    edge: Edge, device: Device, method: Method, path: str, content_format: int
) -> None:
    request, ended = await exchange(
        edge,
        device,
        Code.CHANGED,
        method=method,
        path=path,
        content_format=content_format,
        payload=b"\x00\xff20",
    )
    assert request.code == {"PUT": Code.PUT, "POST": Code.POST}[method]
    assert request.content_format == content_format
    assert request.payload == b"\x00\xff20"
    assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.04")


@pytest.mark.conforms("C-133", "ETS-226")
async def test_a_write_without_a_format_names_none(edge: Edge, device: Device) -> None:
    request, _ = await exchange(
        edge, device, Code.CHANGED, method=Method.PUT, payload=b"20"
    )
    assert request.value(Option.CONTENT_FORMAT) is None


@pytest.mark.conforms("C-139", "ETS-241")
async def test_an_execute_is_answered_at_once(edge: Edge, device: Device) -> None:
    request, ended = await exchange(
        edge, device, Code.CHANGED, method=Method.POST, path="/3/0/4"
    )
    assert (request.code, request.payload) == (Code.POST, b"")
    assert ended.code == "2.04"


@pytest.mark.conforms("C-139", "ETS-241", "COAP-4", "COAP-5", "C-153")
@pytest.mark.parametrize("reuses_id", [True, False])
async def test_an_execute_is_answered_later(
    edge: Edge, device: Device, *, reuses_id: bool
) -> None:
    await edge.ask(Method.POST, "/3/0/4")
    request = await device.hear_request()
    device.wire.say(b"\x60\x00" + request.message_id.to_bytes(2, "big") + b"\xc0")
    edge.clock.advance(60)
    if reuses_id:
        device.message_id = request.message_id - 1
    for _ in range(2):
        message_id = device.tell(request.token, code=Code.CHANGED)
        acknowledged = await device.wire.hear_message()
        assert (acknowledged.type, acknowledged.message_id) == (Type.ACK, message_id)
        device.message_id = message_id - 1
    (ended,) = await edge.ended()
    assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.04")


@pytest.mark.conforms("C-143", "ETS-680", "Leshan CreateTest")
async def test_a_created_instance_is_told_by_the_device(
    edge: Edge, device: Device
) -> None:
    request, ended = await exchange(
        edge,
        device,
        Code.CREATED,
        options=[(int(Option.LOCATION_PATH), b"5"), (int(Option.LOCATION_PATH), b"1")],
        method=Method.POST,
        path="/5",
        content_format=TLV,
        payload=b"\x08\x01\x00",
    )
    assert request.path == ("5",)
    assert ended.code == "2.01"


async def written(edge: Edge, device: Device, length: int) -> tuple[list[int], int]:
    """Write so many bytes; return how many came in each block, and of how many tokens.

    The device takes all blocks.
    """
    await edge.ask(Method.PUT, "/5/0/0", content_format=OPAQUE, payload=bytes(length))
    tokens, sizes = set(), list[int]()
    while sum(sizes) < length:
        request = await device.hear_request()
        tokens.add(request.token)
        sizes.append(len(request.payload))
        block = request.value(Option.BLOCK1)
        assert block is not None
        last = sum(sizes) == length
        device.answer(
            request,
            Code.CHANGED if last else Code.CONTINUE,
            options=() if last else [(int(Option.BLOCK1), block)],
        )
    (ended,) = await edge.ended()
    assert ended.code == "2.04"
    return sizes, len(tokens)


@pytest.mark.conforms("C-193", "COAP-18", "COAP-20")
async def test_an_izuma_device_is_written_to_in_small_blocks_of_one_token(
    edge: Edge,
) -> None:
    device = edge.device()
    await device.register(IZUMA)
    assert await written(edge, device, 1_100) == ([512, 512, 76], 1)


@pytest.mark.conforms("C-193")
async def test_a_device_is_written_to_in_the_blocks_that_its_account_wants(
    edge: Edge,
) -> None:
    await edge.alter(Alterations(szx=3), endpoint_names="kit*")
    device = edge.device()
    await device.register()
    assert await written(edge, device, 300) == ([128, 128, 44], 1)
