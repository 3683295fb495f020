"""Attributes, as they are written to a device and discovered."""

import pytest

from homeport.coap.codec import Code, Option
from homeport.events.facts import RequestOutcome
from homeport.protocol.device_requests import Method
from tests.support.device_requests import LINK_FORMAT, exchange, form, said
from tests.support.lwm2m_edge import Device, Edge

pytestmark = pytest.mark.integration

BATTERY = "/3/0/9"


@pytest.mark.conforms("C-147", "ETS-261")
async def test_attributes_are_written_as_queries(edge: Edge, device: Device) -> None:
    request, ended = await exchange(
        edge,
        device,
        Code.CHANGED,
        method=Method.PUT,
        path="/3/0/9",
        queries=("pmin=10", "pmax=60"),
    )
    assert (request.queries, request.payload) == (("pmin=10", "pmax=60"), b"")
    assert ended.code == "2.04"


@pytest.mark.conforms("C-149", "Leshan Observe attributes")
async def test_attributes_are_written_and_discovered_at_every_level(
    edge: Edge, device: Device
) -> None:
    levels = (("/3", "pmin=10"), ("/3/0", "pmax=60"), ("/3/0/9", "pmin=5"))
    for many, (path, attribute) in enumerate(levels, 1):
        await edge.ask(Method.PUT, path, queries=(attribute,))
        request = await device.hear_request()
        assert (request.path, request.queries) == (
            tuple(path.split("/")[1:]),
            (attribute,),
        )
        device.answer(request, Code.CHANGED)
        await edge.ended(many)
    shown = (
        ("/3", b"</3>;pmin=10,</3/0>;pmax=60,</3/0/9>;pmin=5"),
        ("/3/0", b"</3/0>;pmin=10;pmax=60,</3/0/9>;pmin=5"),
        ("/3/0/9", b"</3/0/9>;pmin=5;pmax=60"),
        ("/3/0/13", b"</3/0/13>;pmin=10;pmax=60"),
    )
    for many, (path, links) in enumerate(shown, 4):
        await edge.ask(path=path, accept=LINK_FORMAT)
        asked = await device.hear_request()
        assert asked.number(Option.ACCEPT) == LINK_FORMAT
        device.answer(asked, Code.CONTENT, links, [form(LINK_FORMAT)])
        assert said((await edge.ended(many))[-1]) == links


@pytest.mark.conforms("C-169", "Leshan Observe attributes")
@pytest.mark.parametrize(
    "queries",
    [
        ("pmin=0", "pmax=4294967295"),
        ("gt=-5", "lt=-40"),
        ("gt=-1.5", "lt=-20.25", "st=0.5"),
        ("gt=9007199254740993", "lt=-9007199254740993", "st=1"),
        ("gt=18446744073709551615", "lt=18446744073709551614"),
        ("st=-1",),
    ],
)
async def test_limits_of_any_number_are_written_as_they_are(
    edge: Edge, device: Device, queries: tuple[str, ...]
) -> None:
    request, ended = await exchange(
        edge, device, Code.CHANGED, method=Method.PUT, path=BATTERY, queries=queries
    )
    assert request.queries == queries
    assert ended.code == "2.04"


@pytest.mark.conforms("C-148", "Leshan WriteAttributeFailed", "B-209")
@pytest.mark.parametrize(
    "queries",
    [
        *(("pmin=10", "pmax=9"), ("epmin=2", "epmax=1"), ("gt=1", "lt=2")),
        *(("gt=1", "lt=1"), ("gt=3", "lt=1", "st=1.5"), ("pmin=1", "pmin=2")),
    ],
)
async def test_attributes_that_contradict_each_other_are_not_sent(
    edge: Edge, device: Device, queries: tuple[str, ...]
) -> None:
    await edge.ask(Method.PUT, "/3/0/9", queries=queries)
    (ended,) = await edge.ended()
    assert (ended.outcome, ended.code) == (RequestOutcome.REFUSED, "4.00")
    await edge.ask(Method.PUT, "/3/0/9", queries=("gt=3", "lt=1", "st=1"))
    assert (await device.hear_request()).queries == ("gt=3", "lt=1", "st=1")
