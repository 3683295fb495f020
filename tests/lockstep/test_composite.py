"""Several paths in one request, read and written at once."""

from collections.abc import Sequence

import orjson
import pytest

from homeport.coap.codec import Code
from homeport.events.facts import RequestOutcome
from homeport.protocol.device_requests import Method
from tests.support.device_requests import SENML_JSON, exchange, form, said
from tests.support.lwm2m_edge import IZUMA, Device, Edge

pytestmark = pytest.mark.integration


@pytest.mark.conforms("C-157", "C-158", "C-159", "ETS-229", "ETS-235", "ETS-236")
async def test_several_paths_are_read_at_once(edge: Edge, device: Device) -> None:
    asked = b'[{"n":"/3/0/0"},{"n":"/1/0"},{"n":"/3/0/6/1"},{"n":"/4/0/0"}]'
    told = b'[{"n":"/3/0/0","vs":"Open"},{"n":"/1/0/1","v":60}]'
    request, ended = await exchange(
        edge,
        device,
        Code.CONTENT,
        told,
        options=[form(SENML_JSON)],
        method=Method.FETCH,
        path="/",
        content_format=SENML_JSON,
        accept=SENML_JSON,
        payload=asked,
    )
    assert (request.code, request.path, request.payload) == (Code.FETCH, (), asked)
    assert said(ended) == told


@pytest.mark.conforms("C-160", "ETS-230", "ETS-257", "ETS-280")
@pytest.mark.parametrize("code", [Code.CHANGED, Code.BAD_REQUEST])
async def test_several_paths_are_written_at_once(
    edge: Edge, device: Device, code: Code
) -> None:
    payload = orjson.dumps([{"n": "/1/0/1", "v": 20}, {"n": "/3/0/15", "vs": "UTC"}])
    request, ended = await exchange(
        edge,
        device,
        code,
        method=Method.IPATCH,
        path="/",
        content_format=SENML_JSON,
        payload=payload,
    )
    assert (request.code, request.payload) == (Code.iPATCH, payload)
    assert ended.code == f"{code >> 5}.{code & 31:02}"


@pytest.mark.conforms("C-157", "C-137", "B-207")
@pytest.mark.parametrize("payload", [b'[{"n":"/0/0/5"}]', b'[{"n":"/21"}]', b"no list"])
async def test_a_list_of_paths_hides_nothing(
    edge: Edge, device: Device, payload: bytes
) -> None:
    await edge.ask(Method.FETCH, "/", content_format=SENML_JSON, payload=payload)
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.REFUSED
    assert device.wire.unheard == 0


@pytest.mark.conforms("C-164", "B-212")
@pytest.mark.parametrize("queries", [IZUMA, ("ep=kitchen", "lwm2m=1.0")])
@pytest.mark.parametrize("method", [Method.FETCH, Method.IPATCH])
async def test_who_knows_no_composite_operations_is_not_asked_for_any(
    edge: Edge, queries: Sequence[str], method: Method
) -> None:
    device = edge.device()
    await device.register(queries)
    await edge.ask(
        method, "/", content_format=SENML_JSON, payload=b'[{"n":"/3/0/0","vs":""}]'
    )
    (ended,) = await edge.ended()
    assert (ended.outcome, ended.code) == (RequestOutcome.REFUSED, "4.05")
