"""Device requests, exchange by exchange: what a device is asked, and how that ends."""

from dataclasses import replace

import pytest

from homeport.coap.codec import Code
from homeport.events.facts import RequestOutcome
from homeport.protocol.device_requests import Method
from homeport.store import keys
from tests.support.device_requests import SENML_JSON, TEXT, exchange, form, said
from tests.support.lwm2m_edge import KEY, KITCHEN, Device, Edge, serving
from tests.support.polling import until

pytestmark = pytest.mark.integration

MUTE = "/1/0/23"
PATIENCE = 93.0
"""Seconds after which a request that nobody acknowledged is given up, at the latest."""


@pytest.mark.conforms("C-128", "ETS-221", "B-207")
@pytest.mark.parametrize("path", ["/0", "/0/0/5", "/21/0/3", "/00/0"])
@pytest.mark.parametrize("method", [Method.GET, Method.PUT, Method.DELETE])
async def test_what_holds_keys_is_never_asked_for(
    edge: Edge, device: Device, path: str, method: Method
) -> None:
    await edge.ask(method, path)
    (ended,) = await edge.ended()
    assert (ended.outcome, ended.code) == (RequestOutcome.REFUSED, "4.05")
    assert b"cannot be reached" in said(ended)
    await edge.ask(path="/3/0/1")
    assert (await device.hear_request()).path == ("3", "0", "1")


@pytest.mark.conforms("C-129", "C-130", "C-138", "Leshan ReadTest", "ETS-256", "B-206")
@pytest.mark.conforms("C-141", "C-144", "C-145", "Leshan ExecuteTest", "B-206")
@pytest.mark.parametrize("method", [Method.GET, Method.PUT, Method.POST, Method.DELETE])
@pytest.mark.parametrize(
    "code",
    [
        *(Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED, Code.BAD_REQUEST),
        *(Code.UNSUPPORTED_CONTENT_FORMAT, Code.NOT_ACCEPTABLE),
        *(Code.INTERNAL_SERVER_ERROR, Code.UNAUTHORIZED),
    ],
)
async def test_a_refusal_is_the_devices_own(
    edge: Edge, device: Device, method: Method, code: Code
) -> None:
    _, ended = await exchange(edge, device, code, b"because", method=method)
    assert ended.outcome is RequestOutcome.ANSWERED
    assert ended.code == f"{code >> 5}.{code & 31:02}"
    assert said(ended) == b"because"


@pytest.mark.conforms("C-142", "OP-2", "B-176")
async def test_one_that_is_never_answered_ends_and_the_next_one_goes(
    edge: Edge, device: Device
) -> None:
    await edge.enqueue(Method.POST, "/3/0/4", retries=3)
    await edge.ask(path="/3/0/1")
    device.acknowledge(await device.hear_request())
    edge.clock.advance(PATIENCE)
    assert (await device.hear_request()).path == ("3", "0", "1")
    (ended,) = await edge.ended()
    assert (ended.outcome, ended.path) == (RequestOutcome.TIMEOUT, "/3/0/4")


@pytest.mark.conforms("C-150", "Leshan ServerOnlySecurityTest")
async def test_nobody_else_is_asked_what_a_device_is(edge: Edge) -> None:
    device = edge.device(identity=KEY)
    await device.register()
    name = device.wire._peer
    edge.device(name, identity=replace(KEY, name="psk:2"))
    await edge.ask(path="/3/0/1")
    edge.device(name, identity=KEY)
    await edge.ask(path="/3/0/2")
    assert (await device.hear_request()).path == ("3", "0", "1")


@pytest.mark.conforms("C-151", "Leshan LockStepTest", "RFC 7252 §4.2", "R-90")
async def test_one_that_nobody_acknowledges_is_repeated_and_given_up(
    edge: Edge, device: Device
) -> None:
    await edge.ask()
    first = await device.wire.hear()
    edge.clock.advance(PATIENCE)
    assert [await device.wire.hear() for _ in range(4)] == [first] * 4
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.TIMEOUT


@pytest.mark.conforms("C-152", "Leshan LockStepTest")
async def test_one_that_was_acknowledged_is_not_repeated(
    edge: Edge, device: Device
) -> None:
    await edge.ask(retries=5)
    device.acknowledge(await device.hear_request())
    edge.clock.advance(PATIENCE - 1)
    assert [each.name for each in await edge.facts()] == ["device.registered"]
    edge.clock.advance(1)
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.TIMEOUT
    await edge.ask(path="/3/0/1")
    assert (await device.hear_request()).path == ("3", "0", "1")


@pytest.mark.conforms("C-154", "RFC 7252 §4.2")
async def test_one_that_is_reset_ends_at_once(edge: Edge, device: Device) -> None:
    await edge.ask()
    device.reset(await device.hear_request())
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.UNREACHABLE


@pytest.mark.conforms("C-109", "Leshan DynamicIP")
async def test_a_device_is_asked_where_it_was_heard_last(edge: Edge) -> None:
    before, after = edge.device("before"), edge.device("after")
    created = await before.register()
    await edge.ask()
    request = await before.hear_request()
    await after.update(created.location)
    again = await after.hear_request()
    assert again.path == request.path
    after.answer(again, payload=b"1")
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.ANSWERED


@pytest.mark.conforms("C-234", "B-180")
async def test_a_request_goes_on_at_the_next_edge_if_it_was_not_acknowledged(
    redis_url: str,
) -> None:
    async with serving(redis_url) as first, serving(redis_url) as second:
        device = first.device()
        created = await device.register()
        await first.ask()
        assert (await device.hear_request()).path == ("3", "0", "0")
        await kill(first)
        moved = second.device("moved")
        await moved.update(created.location)
        moved.answer(await moved.hear_request(), payload=b"1")
        (ended,) = await second.ended()
        assert ended.outcome is RequestOutcome.ANSWERED


@pytest.mark.conforms("C-234", "B-180")
async def test_one_that_was_acknowledged_ends_with_its_edge(redis_url: str) -> None:
    async with serving(redis_url) as first, serving(redis_url) as second:
        device = first.device()
        created = await device.register()
        await first.enqueue(Method.POST, "/3/0/4", retries=9)
        await first.ask(path="/3/0/1")
        device.acknowledge(await device.hear_request())
        await held(first)
        await kill(first)
        moved = second.device("moved")
        await moved.update(created.location)
        assert (await moved.hear_request()).path == ("3", "0", "1")
        (ended,) = await second.ended()
        assert (ended.outcome, ended.path) == (RequestOutcome.TIMEOUT, "/3/0/4")


async def flight(edge: Edge) -> str:
    session = keys.session(edge.store.sessions.bucket(KITCHEN), KITCHEN)
    return (await edge.store.redis.hget(session, "flight")).decode()


async def held(edge: Edge) -> None:
    """Wait until the store knows that the request was acknowledged."""

    async def known() -> bool:
        return (await flight(edge)).endswith(" 1")

    await until(known)


async def kill(edge: Edge) -> None:
    """Let an edge be gone for as long as it takes to be sure of that."""
    id_, name, _, acknowledged = (await flight(edge)).split(" ")
    session = keys.session(edge.store.sessions.bucket(KITCHEN), KITCHEN)
    lapsed = f"{id_} {name} 1 {acknowledged}"
    await edge.store.redis.hset(session, "flight", lapsed)


@pytest.mark.conforms("C-082", "ETS-103")
async def test_a_device_that_is_disabled_leaves(edge: Edge) -> None:
    device = edge.device()
    location = (await device.register()).location
    await edge.ask(Method.POST, "/1/0/4")
    device.answer(await device.hear_request(), Code.CHANGED)
    await edge.ended()
    assert (await device.deregister(location)).code == Code.DELETED
    assert (await device.update(location)).code == Code.NOT_FOUND
    assert await edge.store.sessions.read([KITCHEN]) == [None]


@pytest.mark.conforms("C-183", "ETS-307")
async def test_a_device_that_is_muted_shows_it_and_sends_again_when_it_may(
    edge: Edge, device: Device
) -> None:
    async def sends(value: int) -> Code:
        pack = b'[{"n":"/3/0/9","v":%d}]' % value
        answer = await device.ask(
            Code.POST, ("dp",), payload=pack, content_format=SENML_JSON
        )
        return answer.code

    assert await sends(1) == Code.CHANGED
    for many, muted in enumerate((b"1", b"0")):
        await edge.ask(Method.PUT, MUTE, payload=muted, content_format=TEXT)
        request = await device.hear_request()
        assert (request.path, request.payload) == (("1", "0", "23"), muted)
        device.answer(request, Code.CHANGED)
        await edge.ended(2 * many + 1)
        assert await edge.queue.value(KITCHEN, MUTE) is None
        await edge.ask(path=MUTE)
        device.answer(await device.hear_request(), Code.CONTENT, muted, [form(TEXT)])
        assert said((await edge.ended(2 * many + 2))[-1]) == muted
        kept = await edge.queue.value(KITCHEN, MUTE)
        assert kept is not None
        assert kept.payload == muted
        assert len(await edge.notified()) == 1  # it has stopped sending
    assert await sends(2) == Code.CHANGED
    assert len(await edge.notified(2)) == 2
