"""Observations, exchange by exchange: begun, told of, and ended."""

import base64
from collections.abc import Sequence
from dataclasses import replace

import pytest

from homeport.coap.blockwise import BERT
from homeport.coap.codec import Code, Message, Option, Type
from homeport.events.facts import RequestOutcome, ResourceNotified
from homeport.protocol.device_requests import Method
from tests.support.lwm2m_edge import IZUMA, KEY, KITCHEN, Device, Edge, number, serving
from tests.support.memory import MemoryTransport

pytestmark = pytest.mark.integration

BATTERY = "/3/0/9"
OBSERVE, BLOCK2 = int(Option.OBSERVE), int(Option.BLOCK2)
SENML_JSON = 110


async def observed(
    edge: Edge, device: Device, path: str = BATTERY, **asked: object
) -> Message:
    """Let a device be observed; return what it was asked."""
    await edge.ask(path=path, observe=True, **asked)
    request = await device.hear_request()
    assert request.value(Option.OBSERVE) == b""
    device.answer(request, Code.CONTENT, b"1", [(OBSERVE, b"\x01")])
    while request.token.hex() not in await edge.queue.observed(KITCHEN):
        pass
    return request


async def taken(device: Device, message_id: int) -> bool:
    """Say whether a notification was acknowledged, and not reset."""
    answer = await device.wire.hear_message()
    assert (answer.code, answer.message_id) == (Code.EMPTY, message_id)
    return answer.type is Type.ACK


async def values(edge: Edge, many: int = 1) -> list[bytes]:
    return [base64.b64decode(each.payload) for each in await edge.notified(many)]


@pytest.mark.conforms("C-165", "ETS-301", "Leshan ObserveTest")
@pytest.mark.parametrize("path", ["/3/0/9", "/3/0/6/1", "/3/0", "/3"])
async def test_whatever_has_a_path_is_observed(
    edge: Edge, device: Device, path: str
) -> None:
    request = await observed(edge, device, path)
    (ended,) = await edge.ended()
    assert (ended.outcome, ended.observed) == (RequestOutcome.ANSWERED, True)
    options = [(int(Option.CONTENT_FORMAT), b""), (int(Option.MAX_AGE), b"\x05")]
    message_id = device.tell(request.token, b"2", sequence=2, options=options)
    assert await taken(device, message_id)
    (told,) = await edge.notified()
    assert (told.path, told.code, told.content_format) == (path, "2.05", 0)
    assert (told.max_age, told.sent) == (5, False)
    assert await values(edge) == [b"2"]
    kept = await edge.queue.value(KITCHEN, path)
    assert kept is not None
    assert (kept.payload, kept.fresh_until - kept.at) == (b"2", 5_000)


@pytest.mark.conforms("C-165", "B-182")
async def test_a_device_that_observes_nothing_says_so(
    edge: Edge, device: Device
) -> None:
    await edge.ask(path=BATTERY, observe=True)
    device.answer(await device.hear_request(), Code.CONTENT, b"1")
    (ended,) = await edge.ended()
    assert (ended.code, ended.observed) == ("2.05", False)
    assert await edge.queue.observed(KITCHEN) == {}


@pytest.mark.conforms("C-166", "ETS-302", "B-210")
async def test_what_is_not_observed_any_more_is_reset(
    edge: Edge, device: Device
) -> None:
    request = await observed(edge, device)
    await edge.ask(path=BATTERY, observe=False)
    cancelled = await device.hear_request()
    device.answer(cancelled, Code.CONTENT, b"1")
    await edge.ended(2)
    for kind in (Type.CON, Type.NON):
        message_id = device.tell(request.token, b"2", sequence=2, kind=kind)
        assert not await taken(device, message_id)
    assert await edge.queue.observed(KITCHEN) == {}


@pytest.mark.conforms("OBS-2")
async def test_what_an_izuma_device_observes_by_itself_is_never_reset(
    edge: Edge, device: Device
) -> None:
    assert await taken(device, device.tell(b"\x01\x5e", b"22", sequence=2))
    assert await edge.queue.observed(KITCHEN) == {}


@pytest.mark.conforms("C-167", "ETS-303", "RFC 7641 §3.6", "B-210")
@pytest.mark.parametrize("options", [(), ((OBSERVE, b""),)])
async def test_an_observation_is_ended_under_its_own_token(
    edge: Edge, device: Device, options: Sequence[tuple[int, bytes]]
) -> None:
    other = await observed(edge, device, "/3/0/13")
    begun = await observed(edge, device)
    await edge.ask(path=BATTERY, observe=False)
    ending = await device.hear_request()
    assert ending.value(Option.OBSERVE) == b"\x01"
    assert (ending.token, ending.path) == (begun.token, ("3", "0", "9"))
    device.answer(ending, Code.CONTENT, b"1", options)
    ended = (await edge.ended(3))[-1]
    assert (ended.outcome, ended.observed) == (RequestOutcome.ANSWERED, False)
    assert await edge.queue.observed(KITCHEN) == {other.token.hex(): "/3/0/13"}


@pytest.mark.conforms("RFC 8323 §7.1")
async def test_over_a_connection_each_notification_is_newer_whatever_its_number_is(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryTransport, "largest_szx", BERT)
    async with serving(redis_url) as edge:
        device = edge.device()
        await device.register()
        request = await observed(edge, device)
        for value in (b"1", b"2", b"3"):
            assert await taken(device, device.tell(request.token, value, sequence=0))
        assert await values(edge, 3) == [b"1", b"2", b"3"]


@pytest.mark.conforms("C-168", "ETS-310")
async def test_attributes_change_while_something_is_observed(
    edge: Edge, device: Device
) -> None:
    request = await observed(edge, device)
    await edge.ask(Method.PUT, BATTERY, queries=("pmin=5",))
    device.answer(await device.hear_request(), Code.CHANGED)
    await edge.ended(2)
    assert await taken(device, device.tell(request.token, b"2", sequence=2))


@pytest.mark.conforms("C-170", "Anjay notifications")
async def test_a_confirmable_notification_is_acknowledged_once_for_each_time(
    edge: Edge, device: Device
) -> None:
    request = await observed(edge, device)
    for sequence, kind in enumerate((Type.CON, Type.NON, Type.CON, Type.NON), 2):
        message_id = device.tell(
            request.token, b"%d" % sequence, sequence=sequence, kind=kind
        )
        if kind is Type.CON:
            assert await taken(device, message_id)
    assert await values(edge, 4) == [b"2", b"3", b"4", b"5"]
    device.message_id -= 2
    repeated = device.tell(request.token, b"4", sequence=4)
    assert await taken(device, repeated)
    assert device.wire.unheard == 0
    assert len(await edge.notified(4)) == 4


@pytest.mark.conforms("C-171", "RFC 7641 §3.4", "B-211")
async def test_an_older_notification_is_taken_and_told_nobody(
    edge: Edge, device: Device
) -> None:
    request = await observed(edge, device)
    last, wrapped = 2**24 - 1, 1
    for sequence, payload in (
        *((last, b"new"), (last - 1, b"old"), (wrapped, b"newer"), (last, b"old")),
    ):
        message_id = device.tell(request.token, payload, sequence=sequence)
        assert await taken(device, message_id)
    assert await values(edge, 2) == [b"new", b"newer"]


@pytest.mark.conforms("C-172", "RFC 7641 §3.2")
@pytest.mark.parametrize(
    ("code", "sequence"), [(Code.NOT_FOUND, None), (Code.CONTENT, None)]
)
async def test_the_last_notification_ends_an_observation(
    edge: Edge, device: Device, code: Code, sequence: int | None
) -> None:
    request = await observed(edge, device)
    message_id = device.tell(request.token, b"gone", sequence=sequence, code=code)
    assert await taken(device, message_id)
    (told,) = await edge.notified()
    assert told.code == f"{code >> 5}.{code & 31:02}"
    assert await edge.queue.observed(KITCHEN) == {}


@pytest.mark.conforms("C-173", "B-185", "C-174", "Leshan RedisObserveTest", "C-177")
async def test_what_one_edge_observes_another_one_knows(redis_url: str) -> None:
    async with serving(redis_url) as first, serving(redis_url) as second:
        device = first.device(identity=KEY)
        await device.register()
        request = await observed(first, device)
        moved = second.device("moved", identity=KEY)
        assert await taken(moved, moved.tell(request.token, b"2", sequence=2))
        assert not await taken(moved, moved.tell(b"none", b"2", sequence=2))
        assert await values(second) == [b"2"]
        assert (await second.enqueue()).edge == second.store.identity


@pytest.mark.conforms("C-173", "B-094")
async def test_nobody_else_notifies_for_a_device(edge: Edge) -> None:
    device = edge.device("device", identity=KEY)
    await device.register()
    request = await observed(edge, device)
    thief = edge.device("thief", identity=replace(KEY, name="psk:2"))
    assert not await taken(thief, thief.tell(request.token, b"2", sequence=2))


@pytest.mark.conforms("C-177", "Leshan DynamicIP", "B-214")
async def test_from_an_address_that_nobody_knows_nothing_is_heard(edge: Edge) -> None:
    device = edge.device("before")
    location = (await device.register()).location
    request = await observed(edge, device)
    moved = edge.device("after")
    for kind in (Type.CON, Type.NON):
        moved.tell(request.token, b"2", sequence=2, kind=kind)
    assert (await moved.update(location)).type is Type.ACK
    assert moved.wire.unheard == 0
    assert await taken(moved, moved.tell(request.token, b"3", sequence=3))
    assert await values(edge) == [b"3"]


@pytest.mark.conforms("C-175", "B-130")
async def test_a_new_registration_observes_nothing(edge: Edge, device: Device) -> None:
    request = await observed(edge, device)
    await device.register()
    assert await edge.queue.observed(KITCHEN) == {}
    assert not await taken(device, device.tell(request.token, b"2", sequence=2))


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
async def test_the_rest_of_a_large_notification_is_read(
    edge: Edge, device: Device
) -> None:
    request = await observed(edge, device)
    value = bytes(range(256)) * 5
    device.tell(
        request.token, value[:1024], sequence=2, options=[(BLOCK2, number(8 | 6))]
    )
    heard = [await device.wire.hear_message() for _ in range(2)]
    asked = next(each for each in heard if each.code == Code.GET)
    assert asked.path == ("3", "0", "9")
    assert asked.token != request.token
    assert asked.value(Option.OBSERVE) is None
    device.answer(asked, Code.CONTENT, value[1024:], [(BLOCK2, number(1 << 4 | 6))])
    assert await values(edge) == [value]


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
async def test_a_newer_value_is_told_instead_of_a_mixture(
    edge: Edge, device: Device
) -> None:
    request = await observed(edge, device)
    first = [(BLOCK2, number(8 | 6))]
    device.tell(request.token, b"a" * 1024, sequence=2, options=first)
    await device.wire.hear_message()
    await device.wire.hear_message()
    device.tell(request.token, b"b" * 1024, sequence=3, options=first)
    heard = [await device.wire.hear_message() for _ in range(2)]
    asked = next(each for each in heard if each.code == Code.GET)
    device.answer(asked, Code.CONTENT, b"b", [(BLOCK2, number(1 << 4 | 6))])
    assert await values(edge) == [b"b" * 1025]


@pytest.mark.conforms("C-179", "Leshan timestamp tests")
async def test_times_and_empty_values_are_passed_on(edge: Edge, device: Device) -> None:
    request = await observed(edge, device)
    pack = b'[{"n":"/3/0/9","t":-5,"v":1},{"n":"/3/0/9"},{"n":"/3/0/9","v":3}]'
    form = [(int(Option.CONTENT_FORMAT), number(SENML_JSON))]
    message_id = device.tell(request.token, pack, sequence=2, options=form)
    assert await taken(device, message_id)
    assert await values(edge) == [pack]


@pytest.mark.conforms("C-180", "OBS-2", "B-183")
async def test_what_an_izuma_device_observes_itself_is_told(edge: Edge) -> None:
    device = edge.device()
    await device.register(IZUMA, b'</3200/0/5501>;aobs="350";v="7",</3/0>')
    kept = await edge.queue.value(KITCHEN, "/3200/0/5501")
    assert kept is not None
    assert kept.payload == b"7"
    device.wire.say("4245 de1a 015e 6102 60 20 ff 3232")
    acknowledged = await device.wire.hear_message()
    assert (acknowledged.type, acknowledged.message_id) == (Type.ACK, 0xDE1A)
    (told,) = await edge.notified()
    assert (told.path, told.max_age) == ("/3200/0/5501", 0)
    assert await values(edge) == [b"22"]
    assert device.wire.unheard == 0


@pytest.mark.conforms("C-181", "REG-6")
async def test_after_a_restart_its_numbers_are_others(edge: Edge) -> None:
    device = edge.device()
    await device.register(IZUMA, b'</3200/0/5501>;aobs="350",</3/0>')
    await device.register(IZUMA, b'</3200/0/5501>;aobs="349",</3/0>')
    assert await edge.queue.observed(KITCHEN) == {"015d": "/3200/0/5501"}


@pytest.mark.conforms("C-161", "ETS-304", "ETS-305")
async def test_several_paths_are_observed_at_once(edge: Edge, device: Device) -> None:
    asked = {
        "method": Method.FETCH,
        "content_format": SENML_JSON,
        "payload": b'[{"n":"/3/0/9"},{"n":"/1/0/1"}]',
    }
    request = await observed(edge, device, "/", **asked)
    assert (request.code, request.payload) == (Code.FETCH, asked["payload"])
    assert await taken(device, device.tell(request.token, b"[]", sequence=2))
    (told,) = await edge.notified()
    assert told.path == "/"
    await edge.ask(path="/", observe=False, **asked)
    ending = await device.hear_request()
    assert (ending.code, ending.token) == (Code.FETCH, request.token)
    device.answer(ending, Code.CONTENT, b"[]")
    await edge.ended(2)
    assert await edge.queue.observed(KITCHEN) == {}


@pytest.mark.conforms("C-162", "ETS-308", "ETS-309")
async def test_instances_come_and_go_while_several_paths_are_observed(
    edge: Edge, device: Device
) -> None:
    asked = {
        "method": Method.FETCH,
        "content_format": SENML_JSON,
        "payload": b'[{"n":"/3303"},{"n":"/3/0/9"}]',
    }
    request = await observed(edge, device, "/", **asked)
    packs = [
        b'[{"n":"/3303/0/5700","v":21},{"n":"/3303/1/5700","v":7},{"n":"/3/0/9","v":1}]',
        b'[{"n":"/3303/1/5700","v":7},{"n":"/3/0/9","v":1}]',
        b'[{"n":"/3/0/9","v":1}]',
    ]
    form = [(int(Option.CONTENT_FORMAT), number(SENML_JSON))]
    for sequence, pack in enumerate(packs, 2):
        message_id = device.tell(request.token, pack, sequence=sequence, options=form)
        assert await taken(device, message_id)
    assert await values(edge, 3) == packs
    assert await edge.queue.observed(KITCHEN) == {request.token.hex(): "/"}


@pytest.mark.conforms("C-163", "Leshan ObserveCompositeTest")
@pytest.mark.parametrize(
    ("pack", "accepted"),
    [
        (b'[{"n":"/3/0/9","v":1},{"n":"/1/0/1","v":60}]', True),
        (b'[{"n":"/1/0/1","v":60}]', True),
        (b'[{"bn":"/3303/0/","n":"5700","v":1}]', True),
        (b"[]", True),
        (b'[{"n":"/3/0/9","v":1},{"n":"/5/0/3","v":0}]', False),
        (b'[{"n":"/3/0/91","v":1}]', False),
        (b'[{"n":"/1/0/10","v":1}]', False),
    ],
)
async def test_only_what_was_asked_for_is_taken(
    edge: Edge, device: Device, pack: bytes, *, accepted: bool
) -> None:
    asked = {
        "method": Method.FETCH,
        "content_format": SENML_JSON,
        "payload": b'[{"n":"/3/0/9"},{"n":"/1/0/1"},{"n":"/3303"}]',
    }
    request = await observed(edge, device, "/", **asked)
    form = [(int(Option.CONTENT_FORMAT), number(SENML_JSON))]
    message_id = device.tell(request.token, pack, sequence=2, options=form)
    assert await taken(device, message_id) is accepted
    told = [fact for fact in await edge.facts() if isinstance(fact, ResourceNotified)]
    assert len(told) == accepted
    assert await edge.queue.observed(KITCHEN) == {request.token.hex(): "/"}


@pytest.mark.conforms("C-169", "Leshan Observe attributes")
@pytest.mark.parametrize(
    "told", [b"-273.15", b"-9223372036854775808", b"18446744073709551615", b"0.0"]
)
async def test_a_value_of_any_number_is_told_as_it_is(
    edge: Edge, device: Device, told: bytes
) -> None:
    request = await observed(edge, device)
    assert await taken(device, device.tell(request.token, told, sequence=2))
    assert await values(edge) == [told]


@pytest.mark.conforms("C-173", "B-185")
async def test_a_notification_right_behind_the_answer_is_known(
    edge: Edge, device: Device
) -> None:
    await edge.ask(path=BATTERY, observe=True)
    request = await device.hear_request()
    device.answer(request, Code.CONTENT, b"1", [(OBSERVE, b"\x01")])
    assert await taken(device, device.tell(request.token, b"2", sequence=2))
