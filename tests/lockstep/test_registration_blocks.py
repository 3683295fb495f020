"""Registers of many messages, and those that are repeated or meet a defect."""

import pytest

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from services.lwm2m import handlers
from tests.support.captures import captures
from tests.support.lwm2m_edge import LINKS, REGISTER, Device, Edge, serving
from tests.support.polling import until
from tests.support.registrations import registered, told

pytestmark = pytest.mark.integration


@pytest.mark.conforms("C-086", "REG-2")
async def test_a_captured_register_in_three_blocks_is_one_registration(
    edge: Edge,
) -> None:
    device = edge.device()
    blocks = [
        message.datagram
        for message in captures()["izuma-nosec-lwm2m"]
        if message.sender == "device" and codec.decode(message.datagram).path == ("rd",)
    ]
    heard = []
    for block in blocks:
        device.wire.say(block)
        heard.append((await device.wire.hear_message()).code)
    assert heard == [Code.CONTINUE, Code.CONTINUE, Code.CREATED]
    assert told(await edge.facts()) == ["device.registered"]


@pytest.mark.conforms("C-197", "RFC 7959 §2.9.2")
async def test_a_register_that_goes_on_at_another_edge_begins_anew_there(
    edge: Edge, redis_url: str
) -> None:
    body = b",".join(b"</10/%d>;obs" % number for number in range(100))
    blocks = [body[at : at + 512] for at in range(0, len(body), 512)]

    def block(number: int) -> tuple[int, bytes]:
        value = number << 4 | (number + 1 < len(blocks)) << 3 | 5
        return int(Option.BLOCK1), bytes([value])

    async def say(device: Device, number: int) -> Code:
        options, part = [block(number)], blocks[number]
        answer = await device.ask(Code.POST, ("rd",), REGISTER, part, options=options)
        return answer.code

    async with serving(redis_url) as other:
        here, there = edge.device(), other.device()
        there.message_id = 100
        assert await say(here, 0) == Code.CONTINUE
        assert await say(there, 1) == Code.REQUEST_ENTITY_INCOMPLETE
        heard = [await say(there, number) for number in range(len(blocks))]
        assert heard == [Code.CONTINUE] * (len(blocks) - 1) + [Code.CREATED]
        assert told(await edge.facts()) == ["device.registered"]


@pytest.mark.conforms("C-188", "Anjay client_block_request")
async def test_a_hundred_kilobytes_of_links_are_one_registration(edge: Edge) -> None:
    links = ",".join(
        f"</{3_000 + each // 100}/0/{each % 100}>" for each in range(7_700)
    )
    body = links.encode()
    assert 95_000 < len(body) <= 100_000
    device, count = edge.device(), -(-len(body) // 1024)
    for number in range(count):
        block = number << 4 | (number + 1 < count) << 3 | 6
        options = [(int(Option.BLOCK1), block.to_bytes(3, "big"))]
        if number == 0:
            options.append((int(Option.SIZE1), len(body).to_bytes(3, "big")))
        part = body[number * 1024 : number * 1024 + 1024]
        answer = await device.ask(Code.POST, ("rd",), REGISTER, part, options=options)
        assert answer.code == (Code.CONTINUE if number + 1 < count else Code.CREATED)
    assert len((await registered(edge)).resources) == 7_700


@pytest.mark.conforms("C-230", "CVE-2018-12679")
async def test_a_message_that_meets_a_defect_is_lost_and_no_other_is(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interpret(message: Message, **asked: object) -> object:
        if "ep=poison" in message.queries:
            raise ZeroDivisionError
        return interpreted(message, **asked)

    interpreted = handlers.interpret
    monkeypatch.setattr(handlers, "interpret", interpret)
    assert await edge.device().silently(("rd",), ("ep=poison",))
    assert (await edge.device("two").register()).code == Code.CREATED


@pytest.mark.conforms("C-235", "B-091", "B-187", "B-228")
async def test_what_was_committed_and_not_answered_is_answered_to_the_repetition(
    redis_url: str,
) -> None:
    async with serving(redis_url) as dies:
        mute = dies.device()
        mute.wire.say(register(message_id=7))

        async def committed() -> bool:
            return bool(await dies.facts())

        await until(committed)
        async with serving(redis_url) as edge:
            device = edge.device()
            heard = [await device.register(message_id=7) for _ in range(2)]
            (fact,) = await edge.facts()
    assert {answer.location for answer in heard} == {("rd", fact.registration_id)}


def register(message_id: int) -> bytes:
    options = [(int(Option.URI_PATH), b"rd"), (int(Option.CONTENT_FORMAT), b"\x28")]
    options += [(int(Option.URI_QUERY), query.encode()) for query in REGISTER]
    said = Message(Type.CON, Code.POST, message_id, b"\x2a", tuple(options), LINKS)
    return codec.encode(said)
