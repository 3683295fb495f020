"""Devices that sleep: asked when they are awake, one thing after the other."""

import pytest

from homeport.coap import codec
from homeport.coap.codec import Code, Type
from homeport.events.facts import DeviceRegistered, RequestOutcome
from homeport.protocol import device_requests
from homeport.protocol.device_requests import Method
from homeport.store import keys
from homeport.store.operations import Result
from homeport.store.requests import Lapse
from tests.support.lwm2m_edge import (
    IZUMA,
    KITCHEN,
    REGISTER,
    Device,
    Edge,
    serving,
)
from tests.support.sessions import BUCKETS

pytestmark = pytest.mark.integration

SLEEPY = (*REGISTER, "Q")
AWAKE = 93.0
PATIENCE = 93.0
"""Seconds after which a request that nobody acknowledged is given up, at the latest."""
REPETITIONS = 4


async def sleepy(edge: Edge, name: str = "one") -> tuple[Device, tuple[str, ...]]:
    """Register a device that will sleep; return it and its Location."""
    device = edge.device(name)
    return device, (await device.register(SLEEPY)).location


async def asked(device: Device) -> str:
    """Wait for a request; return its path and answer it."""
    request = await device.hear_request()
    device.answer(request, payload=b"1")
    return "/" + "/".join(request.path)


async def unanswered(edge: Edge, device: Device) -> None:
    """Let a request and its repetitions come to nothing."""
    first = await device.wire.hear()
    edge.clock.advance(PATIENCE)
    assert {await device.wire.hear() for _ in range(REPETITIONS)} == {first}
    await edge.settled()


@pytest.mark.conforms("C-113", "ETS-108")
@pytest.mark.parametrize(
    ("queries", "sleeps"),
    [
        *((SLEEPY, True), (REGISTER, False)),
        (("ep=kitchen", "lwm2m=1.0", "b=UQ"), True),
        (("ep=kitchen", "lwm2m=1.0", "b=U"), False),
    ],
)
async def test_queue_mode_is_told(
    edge: Edge, queries: tuple[str, ...], *, sleeps: bool
) -> None:
    await edge.device().register(queries)
    (fact,) = await edge.facts()
    assert isinstance(fact, DeviceRegistered)
    assert fact.queue_mode == sleeps


@pytest.mark.conforms("C-114", "ETS-109", "B-172")
async def test_who_sleeps_is_asked_when_it_wakes(edge: Edge) -> None:
    device, location = await sleepy(edge)
    edge.clock.advance(AWAKE + 1)
    assert await edge.ask(path="/3/0/1")
    assert (await device.update(location)).code == Code.CHANGED
    assert await asked(device) == "/3/0/1"
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.ANSWERED


@pytest.mark.conforms("C-114", "B-172")
async def test_who_is_still_awake_is_asked_at_once(edge: Edge) -> None:
    device, _ = await sleepy(edge)
    edge.clock.advance(AWAKE - 1)
    await edge.ask(path="/3/0/1")
    assert await asked(device) == "/3/0/1"


@pytest.mark.conforms("C-115", "Leshan QueueModeTest", "B-205")
async def test_each_time_it_wakes_it_is_asked_once(edge: Edge) -> None:
    device, location = await sleepy(edge)
    for path in ("/3/0/1", "/3/0/2"):
        edge.clock.advance(AWAKE + 1)
        await edge.ask(path=path)
        await edge.ask(path=path)
        await device.update(location)
        assert await asked(device) == path
        assert await asked(device) == path
    assert len(await edge.ended(4)) == 4


@pytest.mark.conforms("C-116", "C-174", "Leshan QueueModeTest", "B-174", "R-90")
@pytest.mark.parametrize("queries", [SLEEPY, REGISTER])
async def test_who_does_not_answer_sleeps_and_the_request_stays_the_first(
    edge: Edge, queries: tuple[str, ...]
) -> None:
    device = edge.device()
    location = (await device.register(queries)).location
    await edge.enqueue(path="/3/0/1", request="first", retries=1)
    await edge.ask(path="/3/0/2", request="second")
    await unanswered(edge, device)
    assert await edge.ask(path="/3/0/3", request="third")
    assert (await device.update(location)).type is Type.ACK
    assert [await asked(device) for _ in range(3)] == ["/3/0/1", "/3/0/2", "/3/0/3"]
    outcomes = {each.outcome for each in await edge.ended(3)}
    assert outcomes == {RequestOutcome.ANSWERED}


@pytest.mark.conforms("C-116", "R-90")
async def test_the_last_attempt_ends_a_request(edge: Edge) -> None:
    device, location = await sleepy(edge)
    await edge.ask(retries=1)
    await unanswered(edge, device)
    await device.update(location)
    await unanswered(edge, device)
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.TIMEOUT


@pytest.mark.conforms("C-116", "B-173", "RFC 7252 §4.2")
async def test_who_wakes_between_two_repetitions_is_sent_the_request_at_once(
    edge: Edge,
) -> None:
    device, location = await sleepy(edge)
    await edge.ask(path="/3/0/1")
    first = await device.wire.hear()
    edge.clock.advance(3)
    assert await device.wire.hear() == first
    edge.clock.advance(2.5)  # the next repetition is due after 4 seconds at the least
    assert (await device.update(location)).type is Type.ACK
    repeated = await device.wire.hear()
    assert repeated == first
    device.answer(codec.decode(repeated), payload=b"1")
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.ANSWERED


@pytest.mark.conforms("C-117", "B-173")
async def test_a_notification_wakes_the_queue(edge: Edge) -> None:
    device, _ = await sleepy(edge)
    await edge.ask(path="/3/0/9", observe=True)
    request = await device.hear_request()
    device.answer(request, payload=b"1", options=[(6, b"\x01")])
    await edge.ended()
    edge.clock.advance(AWAKE + 1)
    await edge.ask(path="/3/0/1")
    device.tell(request.token, b"2", sequence=2)
    assert (await device.wire.hear_message()).type is Type.ACK
    assert await asked(device) == "/3/0/1"


@pytest.mark.conforms("C-117", "B-173")
async def test_what_is_sent_wakes_the_queue(edge: Edge) -> None:
    device, _ = await sleepy(edge)
    edge.clock.advance(AWAKE + 1)
    await edge.ask(path="/3/0/1")
    answer = await device.ask(
        Code.POST, ("dp",), payload=b'[{"n":"/3/0/9","v":1}]', content_format=110
    )
    assert answer.code == Code.CHANGED
    assert await asked(device) == "/3/0/1"


@pytest.mark.conforms("C-117", "B-173", "B-205")
async def test_an_answer_keeps_a_device_awake(edge: Edge) -> None:
    device, _ = await sleepy(edge)
    for path in ("/3/0/1", "/3/0/2", "/3/0/3"):
        edge.clock.advance(AWAKE - 1)
        await edge.ask(path=path)
        assert await asked(device) == path
        await edge.settled()


@pytest.mark.conforms("C-118", "B-170", "B-181", "RFC 7252 §4.7")
async def test_one_request_is_under_way_at_a_time(edge: Edge) -> None:
    device, location = await sleepy(edge)
    edge.clock.advance(AWAKE + 1)
    paths = [f"/3/0/{resource}" for resource in range(3)]
    for path in paths:
        await edge.ask(path=path)
    await device.update(location)
    for path in paths:
        request = await device.hear_request()
        await device.update(location)
        device.answer(request, payload=b"1")
        assert "/" + "/".join(request.path) == path
    assert [each.path for each in await edge.ended(3)] == paths


@pytest.mark.conforms("C-119", "R-86", "B-171")
async def test_twenty_requests_wait_and_no_more(edge: Edge) -> None:
    await sleepy(edge)
    edge.clock.advance(AWAKE + 1)
    results = [(await edge.enqueue()).result for _ in range(21)]
    assert results == [Result.QUEUED] * 20 + [Result.FULL]


@pytest.mark.conforms("C-120", "B-175")
async def test_what_has_waited_for_too_long_is_never_delivered(edge: Edge) -> None:
    device, location = await sleepy(edge)
    edge.clock.advance(AWAKE + 1)
    await edge.enqueue(path="/3/0/1", expires_at=1)
    await edge.enqueue(path="/3/0/2")
    sweeps = [Lapse(bucket, 100) for bucket in range(BUCKETS)]
    await edge.store.sessions.expire(sweeps, now=edge.store.clock.now())
    (ended,) = await edge.ended()
    assert (ended.path, ended.outcome) == ("/3/0/1", RequestOutcome.EXPIRED)
    await device.update(location)
    assert await asked(device) == "/3/0/2"


@pytest.mark.conforms("C-121", "B-129", "B-131")
async def test_a_new_registration_ends_what_waits_and_what_is_under_way(
    edge: Edge,
) -> None:
    device, _ = await sleepy(edge)
    await edge.ask(Method.POST, "/3/0/4", retries=3)
    await edge.ask(path="/3/0/2")
    assert (await device.hear_request()).path == ("3", "0", "4")
    await device.register(SLEEPY)
    assert {each.outcome for each in await edge.ended(2)} == {RequestOutcome.REMOVED}
    await edge.settled()
    edge.clock.advance(PATIENCE)
    await edge.ask(path="/3/0/3")
    assert (await device.register(SLEEPY)).code == Code.CREATED
    await edge.ask(path="/3/0/4")
    assert await asked(device) == "/3/0/4"


@pytest.mark.conforms("C-084", "C-176", "B-203", "B-204")
async def test_an_answer_after_the_end_of_a_registration_leaves_nothing(
    edge: Edge,
) -> None:
    device, location = await sleepy(edge)
    await edge.ask(path="/3/0/9", observe=True)
    request = await device.hear_request()
    assert (await device.deregister(location)).code == Code.DELETED
    device.answer(request, payload=b"1", options=[(6, b"\x01")])
    await edge.settled()
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.REMOVED
    assert await edge.queue.observed(KITCHEN) == {}
    message_id = device.tell(request.token, b"2", sequence=2)
    rejected = await device.wire.hear_message()
    assert (rejected.type, rejected.message_id) == (Type.RST, message_id)


@pytest.mark.conforms("C-122", "B-170")
async def test_who_wakes_at_another_edge_is_asked_there_and_nowhere_else(
    redis_url: str,
) -> None:
    async with serving(redis_url) as first, serving(redis_url) as second:
        before, location = await sleepy(first)
        first.clock.advance(AWAKE + 1)
        for path in ("/3/0/1", "/3/0/2"):
            await first.ask(path=path)
        after = second.device("after")
        await after.update(location)
        assert [await asked(after), await asked(after)] == ["/3/0/1", "/3/0/2"]
        ended = await second.ended(2)
        assert [each.path for each in ended] == ["/3/0/1", "/3/0/2"]
        assert before.wire.unheard == after.wire.unheard == 0


@pytest.mark.conforms("C-122", "C-108")
async def test_a_poke_that_comes_to_the_wrong_edge_is_passed_on(
    redis_url: str,
) -> None:
    async with serving(redis_url) as first, serving(redis_url) as second:
        before = first.device("before")
        location = (await before.register()).location
        after = second.device("after")
        await after.update(location)
        assert await first.ask(path="/3/0/1")
        await first.settled()
        assert first.poked == [(second.store.identity, KITCHEN)]
        assert not await first.ask(path="/3/0/2")
        assert second.listener.downlink.wake(KITCHEN)
        assert [await asked(after), await asked(after)] == ["/3/0/1", "/3/0/2"]


@pytest.mark.conforms("C-123", "B-174")
async def test_who_stops_answering_gets_the_rest_the_next_time(edge: Edge) -> None:
    device, location = await sleepy(edge)
    for path in ("/3/0/1", "/3/0/2", "/3/0/3"):
        await edge.enqueue(path=path)
    edge.listener.downlink.wake(KITCHEN)
    assert await asked(device) == "/3/0/1"
    await unanswered(edge, device)
    assert (await device.update(location)).type is Type.ACK
    assert await asked(device) == "/3/0/3"
    assert [each.outcome.value for each in await edge.ended(3)] == [
        *("answered", "timeout", "answered"),
    ]


@pytest.mark.conforms("C-114", "Q-1")
async def test_an_izuma_device_is_awake_for_as_long_as_it_is_known_to_be(
    edge: Edge,
) -> None:
    device = edge.device()
    queries = tuple(each.replace("b=U", "b=UQ") for each in IZUMA)
    location = (await device.register(queries)).location
    edge.clock.advance(4)
    await edge.ask(path="/3/0/1")
    assert await asked(device) == "/3/0/1"
    await edge.settled()
    edge.clock.advance(5)
    await edge.ask(path="/3/0/2")
    await edge.settled()
    assert (await device.update(location, ("et=default",))).type is Type.ACK
    assert await asked(device) == "/3/0/2"


@pytest.mark.conforms("C-108", "1.1 Update")
async def test_queue_mode_may_begin_with_an_update(edge: Edge) -> None:
    device = edge.device()
    location = (await device.register()).location
    await device.update(location, ("Q",))
    edge.clock.advance(AWAKE + 1)
    await edge.ask(path="/3/0/1")
    await edge.settled()
    await device.update(location)
    assert await asked(device) == "/3/0/1"


async def test_who_has_gone_is_asked_when_it_comes_again(edge: Edge) -> None:
    device, location = await sleepy(edge, "before")
    await edge.ask(path="/3/0/1")
    await device.hear_request()
    device.wire.leave()
    await edge.settled()
    after = edge.device("after")
    await after.update(location)
    assert await asked(after) == "/3/0/1"
    (ended,) = await edge.ended()
    assert ended.outcome is RequestOutcome.ANSWERED


async def test_what_is_under_way_at_the_end_is_left_to_others(redis_url: str) -> None:
    async with serving(redis_url) as first, serving(redis_url) as second:
        before, location = await sleepy(first)
        await first.ask(path="/3/0/1")
        await before.hear_request()
        first.listener.downlink.close()
        first.listener.downlink.give_up()
        await first.settled()
        after = second.device("after")
        await after.update(location)
        assert await asked(after) == "/3/0/1"


async def test_an_edge_ends_when_its_devices_have_answered(edge: Edge) -> None:
    device, _ = await sleepy(edge)
    await edge.ask(path="/3/0/1")
    request = await device.hear_request()
    device.answer(request, payload=b"1")
    await edge.listener.drain()
    assert not await edge.ask(path="/3/0/2")
    (ended,) = await edge.ended()
    assert ended.path == "/3/0/1"


async def test_what_waits_says_when_it_may_be_tried_again(edge: Edge) -> None:
    device, _ = await sleepy(edge)
    await edge.ask(request="one", retries=2)
    await device.hear_request()
    edge.clock.advance(PATIENCE)
    await edge.settled()
    bucket = edge.store.sessions.bucket(KITCHEN)
    stored = await edge.store.redis.hget(keys.requests(bucket, KITCHEN), "one")
    body = stored.decode().partition("\n")[2]
    assert device_requests.parse(body).retries == 1
