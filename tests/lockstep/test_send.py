"""What devices send of their own accord, case by case."""

import base64

import cbor2
import orjson
import pytest

from homeport.coap.codec import Code, Message
from homeport.identity import Identity, Means
from tests.support.lwm2m_edge import KEY, KITCHEN, REGISTER, Device, Edge, serving

pytestmark = pytest.mark.integration

TEXT, SENML_JSON, SENML_CBOR = 0, 110, 112
LINKS = b"</1/0>,</3/0/9>,</3303>"


@pytest.fixture
async def device(edge: Edge) -> Device:
    """A device that has registered."""
    made = edge.device()
    await made.register(payload=LINKS)
    return made


async def send(
    device: Device, payload: bytes, content_format: int | None = SENML_JSON
) -> Message:
    return await device.ask(
        Code.POST, ("dp",), payload=payload, content_format=content_format
    )


async def told(edge: Edge, many: int = 1) -> dict[str, bytes]:
    found = await edge.notified(many)
    assert all(each.sent for each in found)
    return {each.path: base64.b64decode(each.payload) for each in found}


@pytest.mark.conforms("C-182", "ETS-306", "ETS-311", "B-213")
async def test_values_are_told_one_resource_after_the_other(
    edge: Edge, device: Device
) -> None:
    pack = [{"bn": "/3303/0/", "n": "5700", "v": 21.5}, {"n": "5701", "vs": "Cel"}]
    assert (await send(device, orjson.dumps(pack))).code == Code.CHANGED
    found = await told(edge, 2)
    assert list(found) == ["/3303/0/5700", "/3303/0/5701"]
    assert orjson.loads(found["/3303/0/5700"]) == [{"bn": "/3303/0/5700", "v": 21.5}]
    kept = await edge.queue.value(KITCHEN, "/3303/0/5701")
    assert kept is not None
    assert (kept.content_format, kept.payload) == (SENML_JSON, found["/3303/0/5701"])


@pytest.mark.conforms("C-182", "ETS-306", "ETS-311")
async def test_cbor_stays_cbor(edge: Edge, device: Device) -> None:
    pack = cbor2.dumps([{-2: "/3/0/", 0: "9", 2: 95}])
    assert (await send(device, pack, SENML_CBOR)).code == Code.CHANGED
    assert cbor2.loads((await told(edge))["/3/0/9"]) == [{-2: "/3/0/9", 2: 95}]


@pytest.mark.conforms("C-182", "RFC 7252 §4.5", "B-215")
async def test_what_comes_twice_is_told_once(edge: Edge, device: Device) -> None:
    for _ in range(2):
        answer = await device.ask(
            Code.POST,
            ("dp",),
            payload=b'[{"n":"/3/0/9","v":1}]',
            content_format=SENML_JSON,
            message_id=77,
        )
        assert answer.code == Code.CHANGED
    await told(edge, 1)


@pytest.mark.conforms("C-182", "B-228")
async def test_what_comes_twice_by_two_edges_is_told_once(redis_url: str) -> None:
    async with serving(redis_url) as first, serving(redis_url) as second:
        for edge in (first, second):
            device = edge.device(identity=KEY)
            if edge is first:
                await device.register(payload=LINKS)
            answer = await device.ask(
                Code.POST,
                ("dp",),
                payload=b'[{"n":"/3/0/9","v":1}]',
                content_format=SENML_JSON,
                message_id=77,
            )
            assert answer.code == Code.CHANGED
        await told(second, 1)


@pytest.mark.conforms("C-184", "Leshan SendTest", "B-213")
async def test_every_time_is_kept(edge: Edge, device: Device) -> None:
    pack = [
        {"bn": "/3/0/9", "bt": 1_700_000_000, "t": -10, "v": 1},
        {"t": 0, "v": 2},
        {"t": 10, "v": 3},
    ]
    assert (await send(device, orjson.dumps(pack))).code == Code.CHANGED
    records = orjson.loads((await told(edge))["/3/0/9"])
    assert [(each["t"], each["v"]) for each in records] == [
        *((1_699_999_990, 1), (1_700_000_000, 2), (1_700_000_010, 3)),
    ]


@pytest.mark.conforms("C-184", "RFC 8428 §4.5.3")
async def test_a_time_before_now_is_told_as_a_date(edge: Edge, device: Device) -> None:
    await send(device, b'[{"n":"/3/0/9","t":-60,"v":1}]')
    (record,) = orjson.loads((await told(edge))["/3/0/9"])
    (fact,) = await edge.notified()
    assert record["t"] == pytest.approx(fact.time.timestamp() - 60, abs=5)


@pytest.mark.conforms("C-185", "Leshan LockStepSendTest", "B-213")
@pytest.mark.parametrize(
    ("payload", "content_format", "code"),
    [
        (b"nonsense", SENML_JSON, Code.BAD_REQUEST),
        (b"[]", SENML_JSON, Code.BAD_REQUEST),
        (b'[{"n":"/3/0","v":1}]', SENML_JSON, Code.BAD_REQUEST),
        (b'[{"n":"/3/0"}]', SENML_JSON, Code.BAD_REQUEST),
        (b'[{"n":"/3/0/8","v":1}]', SENML_JSON, Code.BAD_REQUEST),
        (b'[{"n":"/5/0/3","v":1}]', SENML_JSON, Code.BAD_REQUEST),
        (b"\xff", SENML_CBOR, Code.BAD_REQUEST),
        (b"1", TEXT, Code.UNSUPPORTED_CONTENT_FORMAT),
    ],
)
async def test_what_cannot_be_understood_is_refused_and_leaves_nothing(
    edge: Edge, device: Device, payload: bytes, content_format: int, code: Code
) -> None:
    answer = await send(device, payload, content_format)
    assert answer.code == code
    assert answer.payload
    assert [each.name.value for each in await edge.facts()] == ["device.registered"]


@pytest.mark.conforms("C-185", "B-213")
async def test_one_payload_is_about_so_many_resources(edge: Edge) -> None:
    device = edge.device()
    await device.register(payload=b"</3303>")
    pack = [{"n": f"/3303/0/{each}", "v": each} for each in range(257)]
    answer = await send(device, orjson.dumps(pack))
    assert answer.code == Code.REQUEST_ENTITY_TOO_LARGE
    assert (await send(device, orjson.dumps(pack[:256]))).code == Code.CHANGED
    await told(edge, 256)


@pytest.mark.conforms("C-186", "1.1 Send", "B-213")
async def test_without_a_registration_there_is_nobody_to_send_for(edge: Edge) -> None:
    device = edge.device(identity=KEY)
    payload = b'[{"n":"/3/0/9","v":1}]'
    assert (await send(device, payload)).code == Code.NOT_FOUND
    location = (await device.register(payload=LINKS)).location
    assert (await send(device, payload)).code == Code.CHANGED
    await device.deregister(location)
    assert (await send(device, payload)).code == Code.NOT_FOUND


@pytest.mark.conforms("C-186", "B-094")
async def test_nobody_sends_for_another(edge: Edge) -> None:
    await edge.device("device", identity=KEY).register(payload=LINKS)
    other = edge.device("other", identity=Identity("psk:2", Means.SHARED_KEY))
    assert (await send(other, b'[{"n":"/3/0/9","v":1}]')).code == Code.NOT_FOUND


@pytest.mark.conforms("C-187", "Leshan DynamicIP", "B-214")
async def test_from_an_address_that_nobody_knows_nothing_is_taken(edge: Edge) -> None:
    device = edge.device("before")
    location = (await device.register(REGISTER, LINKS)).location
    moved = edge.device("after")
    payload = b'[{"n":"/3/0/9","v":1}]'
    assert (await send(moved, payload)).code == Code.BAD_REQUEST
    await moved.update(location)
    assert (await send(moved, payload)).code == Code.CHANGED


@pytest.mark.conforms("C-186", "B-227")
async def test_what_is_sent_is_posted(edge: Edge, device: Device) -> None:
    answer = await device.ask(Code.GET, ("dp",))
    assert answer.code == Code.METHOD_NOT_ALLOWED
