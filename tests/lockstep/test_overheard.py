"""Devices that answer an edge what another one has asked them: they are asked once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from homeport.coap import codec
from homeport.coap.blockwise import Block, build
from homeport.coap.codec import Code, Message, Option, Type
from homeport.events.facts import RequestOutcome
from homeport.protocol.device_requests import Method
from tests.support.device_requests import said
from tests.support.lwm2m_edge import KEY, Device, Edge, serving

pytestmark = pytest.mark.integration


@dataclass
class Meeting:
    """A device that has registered at one edge, and speaks to another one now."""

    here: Edge
    there: Edge
    before: Device
    after: Device

    async def asked(self, method: Method = Method.PUT, **more: object) -> Message:
        """Ask something; return it, and let nothing else be heard there."""
        await self.here.ask(method, **{"path": "/3/0/14", **more})
        return await self.before.hear_request()

    async def calm(self) -> None:
        """Wait until nothing is under way, and see that nothing was asked twice."""
        self.before.wire.leave()
        for edge in (self.there, self.here):
            await edge.settled()
        assert (self.before.wire.unheard, self.after.wire.unheard) == (0, 0)


@asynccontextmanager
async def two(redis_url: str) -> AsyncIterator[Meeting]:
    async with serving(redis_url) as here, serving(redis_url) as there:
        before = here.device(identity=KEY)
        await before.register()
        yield Meeting(here, there, before, there.device("after", identity=KEY))


@pytest.fixture
async def meeting(redis_url: str) -> AsyncIterator[Meeting]:
    async with two(redis_url) as made:
        yield made


@pytest.mark.conforms("B-180")
@pytest.mark.parametrize("method", list(Method)[:4])
async def test_what_is_answered_to_another_edge_is_answered(
    meeting: Meeting, method: Method
) -> None:
    asked = await meeting.asked(method)
    meeting.after.answer(asked, Code.CHANGED, b"done")
    (ended,) = await meeting.there.ended()
    assert (ended.outcome, ended.code, said(ended)) == (
        *(RequestOutcome.ANSWERED, "2.04", b"done"),
    )
    await meeting.calm()


@pytest.mark.conforms("B-180")
async def test_it_is_when_its_edge_has_left_it_before_that(meeting: Meeting) -> None:
    asked = await meeting.asked()
    meeting.before.wire.leave()
    await meeting.here.settled()
    meeting.after.answer(asked, Code.CHANGED)
    (ended,) = await meeting.there.ended()
    assert ended.outcome is RequestOutcome.ANSWERED
    await meeting.calm()


@pytest.mark.conforms("B-180")
@pytest.mark.parametrize("acknowledged", ["here", "there"])
@pytest.mark.parametrize("kind", [Type.CON, Type.NON])
async def test_it_is_when_the_answer_comes_later(
    meeting: Meeting, acknowledged: str, kind: Type
) -> None:
    asked = await meeting.asked(retries=9)
    first = {"here": meeting.before, "there": meeting.after}[acknowledged]
    first.acknowledge(asked)
    if first is meeting.before:
        meeting.before.wire.leave()
        await meeting.here.settled()
    message_id = meeting.after.tell(asked.token, code=Code.CHANGED, kind=kind)
    if kind is Type.CON:
        taken = await meeting.after.wire.hear_message()
        assert (taken.type, taken.message_id) == (Type.ACK, message_id)
    (ended,) = await meeting.there.ended()
    assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.04")
    await meeting.calm()


@pytest.mark.conforms("B-180")
async def test_one_that_was_only_acknowledged_there_is_not_asked_again(
    meeting: Meeting,
) -> None:
    asked = await meeting.asked(retries=9)
    meeting.after.acknowledge(asked)
    while not len(meeting.there.listener.downlink):
        await meeting.there.facts()
    meeting.there.clock.advance(93)
    (ended,) = await meeting.there.ended()
    assert ended.outcome is RequestOutcome.TIMEOUT
    await meeting.calm()


async def test_one_that_is_reset_is_asked_again(meeting: Meeting) -> None:
    asked = await meeting.asked()
    meeting.after.reset(asked)
    meeting.before.wire.leave()
    await meeting.here.settled()
    meeting.after.reset(asked)
    again = await meeting.after.hear_request()
    assert (again.code, again.token) == (asked.code, asked.token)


async def test_what_is_observed_is_known(meeting: Meeting) -> None:
    asked = await meeting.asked(Method.GET, observe=True)
    meeting.after.answer(asked, payload=b"1", options=[(int(Option.OBSERVE), b"\x01")])
    (ended,) = await meeting.there.ended()
    assert ended.observed
    meeting.after.tell(asked.token, b"2", sequence=2)
    await meeting.there.notified()


async def test_an_answer_in_blocks_is_read_on(meeting: Meeting) -> None:
    asked = await meeting.asked(Method.GET)
    first = (int(Option.BLOCK2), build(Block(0, more=True, szx=0)))
    meeting.after.answer(asked, payload=b"a" * 16, options=[first])
    onward = await meeting.after.hear_request()
    assert onward.value(Option.BLOCK2) == build(Block(1, more=False, szx=0))
    last = (int(Option.BLOCK2), build(Block(1, more=False, szx=0)))
    meeting.after.answer(onward, payload=b"b", options=[last])
    (ended,) = await meeting.there.ended()
    assert said(ended) == b"a" * 16 + b"b"


async def test_what_is_written_in_blocks_is_written_on(meeting: Meeting) -> None:
    asked = await meeting.asked(payload=bytes(3000), content_format=42)
    block = (int(Option.BLOCK1), build(Block(0, more=True, szx=6)))
    meeting.after.answer(asked, Code.CONTINUE, options=[block])
    onward = await meeting.after.hear_request()
    assert onward.value(Option.BLOCK1) == build(Block(1, more=True, szx=6))
    assert onward.token == asked.token


async def test_what_answers_an_earlier_request_changes_nothing(
    meeting: Meeting,
) -> None:
    earlier = await meeting.asked(Method.POST)
    meeting.before.answer(earlier, Code.CHANGED)
    asked = await meeting.asked(path="/3/0/15")
    meeting.after.answer(earlier, Code.BAD_REQUEST)
    meeting.before.answer(asked, Code.CHANGED)
    assert [each.code for each in await meeting.here.ended(2)] == ["2.04", "2.04"]


async def test_a_response_that_nobody_waits_for_is_reset(meeting: Meeting) -> None:
    asked = await meeting.asked()
    message_id = meeting.after.tell(b"\x01\x02\x03\x04", code=Code.CHANGED)
    reset = codec.encode_empty(Type.RST, message_id)
    assert await meeting.after.wire.hear() == reset
    meeting.before.answer(asked, Code.CHANGED)
    (ended,) = await meeting.here.ended()
    assert ended.code == "2.04"


async def test_nobody_answers_for_another_device(meeting: Meeting) -> None:
    asked = await meeting.asked()
    thief = meeting.there.device("thief", identity=replace(KEY, name="psk:2"))
    thief.answer(asked, Code.BAD_REQUEST)
    message_id = thief.tell(asked.token, code=Code.BAD_REQUEST)
    assert (await thief.wire.hear_message()).message_id == message_id
    meeting.before.answer(asked, Code.CHANGED)
    (ended,) = await meeting.here.ended()
    assert ended.code == "2.04"
