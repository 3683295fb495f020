"""Device requests, exchange by exchange: what a device is asked, and how that ends."""

import base64
from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.events.facts import RequestCompleted, RequestOutcome
from homeport.identity import Identity, Means
from homeport.names import EndpointName
from homeport.protocol.alterations import Alterations
from homeport.protocol.device_requests import Method
from homeport.store import keys
from tests.support.lwm2m_edge import IZUMA, KITCHEN, Device, Edge, number, serving
from tests.support.polling import until
from tests.support.sessions import ACCOUNT

pytestmark = pytest.mark.integration

KEY = Identity(
    "psk:1", Means.SHARED_KEY, account=ACCOUNT, endpoint_name=EndpointName("kitchen")
)
TEXT, LINK_FORMAT, OPAQUE, CBOR, SENML_JSON, SENML_CBOR, TLV, JSON = (
    *(0, 40, 42, 60, 110, 112, 11542, 11543),
)
BATTERY = "/3/0/9"
MUTE = "/1/0/23"
PATIENCE = 93.0
"""Seconds after which a request that nobody acknowledged is given up, at the latest."""


@pytest.fixture
async def device(edge: Edge) -> Device:
    """A device that has registered."""
    made = edge.device()
    await made.register()
    return made


def form(content_format: int) -> tuple[int, bytes]:
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
    return base64.b64decode(ended.payload)


@pytest.mark.conforms("C-124", "ETS-201")
async def test_a_resource_is_read_as_text(edge: Edge, device: Device) -> None:
    request, ended = await exchange(
        edge, device, Code.CONTENT, b"Open", options=[form(TEXT)], accept=TEXT
    )
    assert (request.type, request.code) == (Type.CON, Code.GET)
    assert request.path == ("3", "0", "0")
    assert request.number(Option.ACCEPT) == TEXT
    assert request.value(Option.OBSERVE) is None
    assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.05")
    assert (said(ended), ended.content_format, ended.max_age) == (b"Open", TEXT, 60)
    assert (ended.method, ended.path) == ("GET", "/3/0/0")


@pytest.mark.conforms("C-125", "ETS-203", "ETS-204", "ETS-231", "ETS-233", "ETS-211")
@pytest.mark.parametrize("wanted", [TLV, JSON, SENML_JSON, SENML_CBOR, CBOR])
async def test_a_value_comes_in_the_format_that_is_asked_for(
    edge: Edge, device: Device, wanted: int
) -> None:
    request, ended = await exchange(
        edge, device, Code.CONTENT, b"\x01", options=[form(wanted)], accept=wanted
    )
    assert request.number(Option.ACCEPT) == wanted
    assert (ended.content_format, said(ended)) == (wanted, b"\x01")


@pytest.mark.conforms("C-126", "ETS-222", "ETS-223", "ETS-224", "ETS-225")
@pytest.mark.parametrize("path", ["/3", "/3/0", "/3/0/9", "/3/0/6/1"])
async def test_everything_that_has_a_path_is_read(
    edge: Edge, device: Device, path: str
) -> None:
    request, _ = await exchange(edge, device, Code.CONTENT, b"1", path=path)
    assert "/" + "/".join(request.path) == path


@pytest.mark.conforms("C-127", "ETS-237", "C-203", "R-127")
@pytest.mark.parametrize("content_format", [TLV, 9_999])
async def test_whatever_format_comes_is_passed_on(
    edge: Edge, device: Device, content_format: int
) -> None:
    request, ended = await exchange(
        edge, device, Code.CONTENT, b"\xff", options=[form(content_format)]
    )
    assert request.value(Option.ACCEPT) is None
    assert ended.content_format == content_format


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


@pytest.mark.conforms("C-131", "Leshan ReadTest", "R-93")
async def test_an_empty_value_is_a_value(edge: Edge, device: Device) -> None:
    _, ended = await exchange(edge, device, Code.CONTENT, options=[form(TEXT)])
    assert (ended.outcome, ended.code, ended.payload) == (
        *(RequestOutcome.ANSWERED, "2.05", ""),
    )
    value = await edge.queue.value(KITCHEN, "/3/0/0")
    assert value is not None
    assert value.payload == b""


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


@pytest.mark.conforms("C-146", "ETS-260", "Leshan DiscoverTest")
async def test_links_are_what_a_device_says_and_no_value(
    edge: Edge, device: Device
) -> None:
    links = b"</3>;dim=2,</3/0>;pmin=10,</3/0/0>"
    request, ended = await exchange(
        edge,
        device,
        Code.CONTENT,
        links,
        options=[form(LINK_FORMAT)],
        path="/3",
        accept=LINK_FORMAT,
    )
    assert request.number(Option.ACCEPT) == LINK_FORMAT
    assert (said(ended), ended.content_format) == (links, LINK_FORMAT)
    assert await edge.queue.value(KITCHEN, "/3") is None


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


@pytest.mark.conforms("C-155", "OP-1")
@pytest.mark.parametrize("code", [Code.METHOD_NOT_ALLOWED, Code.BAD_REQUEST])
async def test_an_izuma_device_tells_the_value_of_what_it_does_not_observe(
    edge: Edge, code: Code
) -> None:
    device = edge.device()
    await device.register(IZUMA)
    request, ended = await exchange(
        edge, device, code, b"22", options=[form(TEXT)], observe=True
    )
    assert request.value(Option.OBSERVE) == b""
    assert (ended.code, said(ended), ended.observed) == ("2.05", b"22", False)
    assert await edge.queue.observed(KITCHEN) == {}


@pytest.mark.conforms("C-155", "OP-1")
async def test_the_error_of_anybody_else_is_one(edge: Edge, device: Device) -> None:
    _, ended = await exchange(
        edge, device, Code.METHOD_NOT_ALLOWED, b"no", options=[form(TEXT)], observe=True
    )
    assert (ended.code, ended.observed) == ("4.05", False)


@pytest.mark.conforms("C-156", "ETS-701", "ETS-751", "ETS-801", "ETS-1630")
@pytest.mark.parametrize("path", ["/4/0", "/5/0", "/6/0", "/16/0"])
async def test_large_objects_are_read_whole(
    edge: Edge, device: Device, path: str
) -> None:
    value = bytes(range(256)) * 10
    await edge.ask(path=path)
    for number_, begin in enumerate(range(0, len(value), 1024)):
        request = await device.hear_request()
        more = begin + 1024 < len(value)
        block = number(number_ << 4 | more << 3 | 6)
        options = sorted([form(OPAQUE), (int(Option.BLOCK2), block)])
        device.answer(request, Code.CONTENT, value[begin : begin + 1024], options)
    (ended,) = await edge.ended()
    assert said(ended) == value


@pytest.mark.conforms("C-078", "B-201")
async def test_a_device_is_asked_below_the_path_that_it_has_chosen(edge: Edge) -> None:
    device = edge.device()
    await device.register(payload=b'</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>')
    request, ended = await exchange(edge, device, Code.CONTENT, b"1")
    assert request.path == ("lwm2m", "3", "0", "0")
    assert ended.path == "/3/0/0"


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
