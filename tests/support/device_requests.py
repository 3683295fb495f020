"""One request of a device: asked for, answered in its format, and ended."""

import base64
from collections.abc import Sequence

from homeport.coap.codec import Code, Message, Option
from homeport.events.facts import RequestCompleted
from tests.support.lwm2m_edge import Device, Edge, number

TEXT, LINK_FORMAT, OPAQUE, CBOR, SENML_JSON, SENML_CBOR, TLV, JSON = (
    *(0, 40, 42, 60, 110, 112, 11542, 11543),
)


def form(content_format: int) -> tuple[int, bytes]:
    """Name the content format of a message."""
    return int(Option.CONTENT_FORMAT), number(content_format)


async def exchange(
    edge: Edge,
    device: Device,
    code: Code,
    told: bytes = b"",
    *,
    options: Sequence[tuple[int, bytes]] = (),
    **asked: object,
) -> tuple[Message, RequestCompleted]:
    """Ask for something, let the device answer; return both."""
    await edge.ask(**asked)
    request = await device.hear_request()
    device.answer(request, code, told, options)
    (ended,) = await edge.ended()
    return request, ended


def said(ended: RequestCompleted) -> bytes:
    """Return what a device has answered."""
    return base64.b64decode(ended.payload)
