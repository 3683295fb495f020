"""Registration, case by case: what a device says, hears, and what is told of it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.events.facts import AnyFact, DeviceRegistered, RegistrationRefused
from homeport.identity import Identity, Means
from homeport.names import AccountId, EndpointName
from homeport.protocol.alterations import Alterations
from homeport.store import keys
from services.lwm2m import handlers
from tests.support.captures import captures
from tests.support.lwm2m_edge import IZUMA, LINKS, REGISTER, Device, Edge, serving
from tests.support.polling import until
from tests.support.sessions import ACCOUNT, BUCKETS

pytestmark = pytest.mark.integration

KITCHEN = names.device_id(ACCOUNT, EndpointName("kitchen"))
KEY = Identity(
    "psk:1", Means.SHARED_KEY, account=ACCOUNT, endpoint_name=EndpointName("kitchen")
)
OTHER_KEY = replace(KEY, name="psk:2")
ISSUED = Identity(
    f"issued:{KITCHEN}",
    Means.ISSUED,
    account=ACCOUNT,
    endpoint_name=EndpointName("kitchen"),
    device=KITCHEN,
    issued=17,
)
OPERATIONS = 10
"""As many registration operations are free within ten seconds (B-112)."""


def changed(**parts: str) -> list[str]:
    given = dict(query.split("=", 1) for query in REGISTER) | parts
    return [f"{name}={value}" for name, value in given.items() if value]


async def registered(edge: Edge) -> DeviceRegistered:
    """Return the newest registration."""
    found = [each for each in await edge.facts() if isinstance(each, DeviceRegistered)]
    return found[-1]


def told(facts: Sequence[AnyFact]) -> list[str]:
    return [fact.name.value for fact in facts]


async def held_no_longer(edge: Edge) -> None:
    """Let the hold pass in the store, without waiting for it."""
    session = keys.session(names.bucket(KITCHEN, BUCKETS), KITCHEN)
    await edge.store.redis.hset(session, mapping={"held_until": 0, "recent": ""})


@pytest.mark.conforms("C-065", "ETS-101")
async def test_a_device_that_registers_is_told_where(edge: Edge) -> None:
    created = await edge.device().register()
    assert created.code == Code.CREATED
    assert created.location[:1] == ("rd",)
    assert (created.payload, created.value(Option.MAX_AGE)) == (b"", None)
    assert told(await edge.facts()) == ["device.registered"]


@pytest.mark.conforms("C-067", "UPD-7")
async def test_the_order_of_what_a_device_says_does_not_matter(edge: Edge) -> None:
    said = (*IZUMA, f"iep={KITCHEN}", "et=default", f"d={ACCOUNT}")
    seen = []
    for queries in (said, said[::-1], sorted(said)):
        assert (await edge.device().register(queries)).code == Code.CREATED
        fact = await registered(edge)
        seen.append((fact.device_id, fact.lifetime, fact.profile, fact.parameters))
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.conforms("C-068", "Leshan LockStepTest", "B-197")
@pytest.mark.parametrize("payload", [b"", b"</>", b"</fw>"])
async def test_a_device_without_objects_is_refused_with_a_reason(
    edge: Edge, payload: bytes
) -> None:
    refused = await edge.device().register(payload=payload)
    assert refused.code == Code.BAD_REQUEST
    assert 0 < len(refused.payload.decode()) <= 64
    assert await edge.facts() == []


@pytest.mark.conforms("C-069", "1.0 Register", "B-197")
@pytest.mark.parametrize(
    ("payload", "content_format", "code"),
    [
        (b"no links", 40, Code.BAD_REQUEST),
        (b"</3/0", 40, Code.BAD_REQUEST),
        (b"</3/0>", 0, Code.UNSUPPORTED_CONTENT_FORMAT),
        (b"</3/0>", 50, Code.UNSUPPORTED_CONTENT_FORMAT),
    ],
)
async def test_what_are_no_links_is_refused(
    edge: Edge, payload: bytes, content_format: int, code: Code
) -> None:
    device = edge.device()
    refused = await device.register(payload=payload, content_format=content_format)
    assert refused.code == code
    assert refused.payload


@pytest.mark.conforms("C-070", "Leshan RegistrationTest", "B-046")
async def test_a_device_without_a_name_has_that_of_its_credential(edge: Edge) -> None:
    device = edge.device(identity=KEY)
    assert (await device.register(changed(ep=""))).code == Code.CREATED
    assert (await registered(edge)).endpoint_name == "kitchen"


@pytest.mark.conforms("C-071", "Leshan RegistrationTest", "B-046")
async def test_a_device_without_name_and_credential_is_refused(edge: Edge) -> None:
    assert (await edge.device().register(changed(ep=""))).code == Code.BAD_REQUEST


@pytest.mark.conforms("C-072", "1.0 Register", "B-106")
async def test_a_device_that_names_no_lifetime_has_a_day(edge: Edge) -> None:
    await edge.device().register(changed(lt=""))
    assert (await registered(edge)).lifetime == 86_400


@pytest.mark.conforms("C-073", "1.1 Register", "B-198")
@pytest.mark.parametrize(
    ("version", "code"),
    [
        *((version, Code.CREATED) for version in ("1.0", "1.1", "1.2")),
        *((version, Code.PRECONDITION_FAILED) for version in ("2.0", "new", "1.3")),
    ],
)
async def test_of_versions_those_that_we_speak_are_accepted(
    edge: Edge, version: str, code: Code
) -> None:
    assert (await edge.device().register(changed(lwm2m=version))).code == code


@pytest.mark.conforms("C-074", "Leshan LockStepTest", "B-199")
@pytest.mark.parametrize(
    ("version", "binding", "code"),
    [
        ("1.0", "UQ", Code.CREATED),
        ("1.1", "UQ", Code.BAD_REQUEST),
        ("1.1", "UT", Code.CREATED),
        ("1.0", "UT", Code.BAD_REQUEST),
        ("1.2", "UTSNMH", Code.CREATED),
    ],
)
async def test_a_binding_is_one_of_its_version(
    edge: Edge, version: str, binding: str, code: Code
) -> None:
    answer = await edge.device().register(changed(lwm2m=version, b=binding))
    assert answer.code == code


@pytest.mark.conforms("C-075", "1.1 Register", "Q-4")
@pytest.mark.parametrize(
    ("queries", "sleeps"),
    [
        ((*REGISTER, "Q"), True),
        (REGISTER, False),
        ((*changed(lwm2m="1.0"), "Q"), False),
        (changed(lwm2m="1.0", b="UQ"), True),
    ],
)
async def test_queue_mode_is_a_flag_from_1_1_on(
    edge: Edge, queries: Sequence[str], *, sleeps: bool
) -> None:
    await edge.device().register(queries)
    assert (await registered(edge)).queue_mode is sleeps


@pytest.mark.conforms("C-076", "Leshan RegistrationTest", "B-200")
async def test_what_we_do_not_know_is_kept_and_told(edge: Edge) -> None:
    await edge.device().register((*REGISTER, "sms=49170", "pid=1,4", "color=red"))
    fact = await registered(edge)
    assert fact.parameters == {"sms": "49170", "pid": "1,4", "color": "red"}


@pytest.mark.conforms("C-077", "Leshan RegistrationTest", "B-201")
async def test_the_root_link_tells_the_formats(edge: Edge) -> None:
    formats = "60 110 112 1542 1543 11542 11543"
    links = f'</>;rt="oma.lwm2m";ct="{formats}",</3/0>'.encode()
    await edge.device().register(payload=links)
    root, _ = (await registered(edge)).resources
    assert (root.path, root.rt, root.ct) == ("/", "oma.lwm2m", formats)


@pytest.mark.conforms("C-078", "1.0 alternate path", "B-201")
async def test_paths_below_another_root_are_those_that_applications_know(
    edge: Edge,
) -> None:
    links = b'</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>'
    await edge.device().register(payload=links)
    root, device = (await registered(edge)).resources
    assert (root.path, device.path) == ("/lwm2m", "/3/0")


@pytest.mark.conforms("C-079", "REG-9", "B-202")
@pytest.mark.parametrize("links", [b"</3>;ver=1.2,</3/0>", b'</3>;ver="1.2",</3/0>'])
async def test_versions_of_objects_are_kept(edge: Edge, links: bytes) -> None:
    await edge.device().register(payload=links)
    assert (await registered(edge)).resources[0].attributes == {"ver": "1.2"}


@pytest.mark.conforms("C-080", "Leshan RegistrationTest", "B-129")
async def test_a_device_that_registers_again_has_one_registration(edge: Edge) -> None:
    device = edge.device()
    first = await device.register()
    await edge.enqueue()
    second = await device.register(payload=b"</5/0>")
    assert (await device.update(first.location)).code == Code.NOT_FOUND
    assert (await device.update(second.location)).code == Code.CHANGED
    facts = await edge.facts()
    assert told(facts) == [
        "device.registered",
        "request.completed",
        "queue.cleared",
        "device.registered",
        "registration.updated",
    ]
    assert [each.path for each in getattr(facts[-1], "resources", ())] == ["/5/0"]


@pytest.mark.conforms("C-081", "ETS-103", "Leshan RegistrationTest")
async def test_a_device_may_leave_and_come_again(edge: Edge) -> None:
    device = edge.device()
    for _ in range(2):
        created = await device.register()
        assert created.code == Code.CREATED
        assert (await device.deregister(created.location)).code == Code.DELETED
    assert told(await edge.facts()) == ["device.registered", "device.deregistered"] * 2


@pytest.mark.conforms("C-083", "1.0 De-register", "B-133")
async def test_a_device_leaves_once_and_hears_it_again(edge: Edge) -> None:
    device = edge.device()
    created = await device.register()
    unknown = ("rd", names.new_registration_id(KITCHEN))
    assert (await device.deregister(unknown)).code == Code.NOT_FOUND
    for _ in range(2):
        deleted = await device.deregister(created.location, message_id=99)
        assert deleted.code == Code.DELETED
    assert (await device.deregister(created.location)).code == Code.NOT_FOUND


@pytest.mark.conforms("C-084", "Leshan RegistrationTest", "B-131")
async def test_what_waits_for_a_device_that_leaves_ends(edge: Edge) -> None:
    device = edge.device()
    created = await device.register()
    await edge.enqueue(request="one")
    await edge.enqueue(request="two")
    await device.deregister(created.location)
    _, *completed, cleared, _ = await edge.facts()
    assert [getattr(each, "outcome", "") for each in completed] == ["removed"] * 2
    assert getattr(cleared, "requests", ()) == ("one", "two")


@pytest.mark.conforms("C-085", "REG-10", "REG-11")
async def test_an_izuma_device_has_a_location_that_names_it(edge: Edge) -> None:
    device = edge.device()
    created = await device.register(IZUMA)
    assert created.location == ("rd", ACCOUNT, KITCHEN)
    assert (await device.update(created.location, ("et=default",))).code == Code.CHANGED


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


@pytest.mark.conforms("C-087", "B-077")
async def test_of_two_devices_with_one_id_the_later_wins(edge: Edge) -> None:
    here = edge.device("here", identity=ISSUED)
    there = edge.device("there", identity=ISSUED, peer="192.0.2.2")
    first = await here.register()
    await there.register()
    assert (await here.update(first.location)).code == Code.NOT_FOUND


@pytest.mark.conforms("C-243", "B-095", "B-077")
@pytest.mark.parametrize("queries", [REGISTER, IZUMA], ids=["standard", "izuma"])
async def test_two_devices_with_one_credential_are_a_conflict_that_the_later_wins(
    edge: Edge, queries: Sequence[str]
) -> None:
    here = edge.device("here", identity=ISSUED)
    there = edge.device("there", identity=ISSUED, peer="192.0.2.2")
    for device in (here, here):
        created = await device.register(queries)
        assert (await registered(edge)).conflicts_with == ""
    assert (await there.register(queries)).code == Code.CREATED
    assert (await registered(edge)).conflicts_with == "192.0.2.1:5683"
    await edge.enqueue()
    edge.listener.downlink.wake(KITCHEN)
    there.answer(await there.hear_request())
    await edge.ended()
    assert not here.wire.unheard
    renewed = await here.update(created.location)
    assert renewed.code == (Code.NOT_FOUND if queries is REGISTER else Code.CHANGED)


@pytest.mark.conforms("C-243", "B-095")
async def test_who_comes_again_as_it_should_is_in_conflict_with_nobody(
    edge: Edge,
) -> None:
    here = edge.device("here", identity=ISSUED)
    created = await here.register()
    await here.deregister(created.location)
    left = edge.device("left", identity=ISSUED, peer="192.0.2.2")
    await left.register()
    renewed = replace(ISSUED, issued=ISSUED.issued + 1)
    await edge.device("new", identity=renewed, peer="192.0.2.3").register()
    for fact in await edge.facts():
        if isinstance(fact, DeviceRegistered):
            assert fact.conflicts_with == ""


@pytest.mark.conforms("C-088", "B-078", "B-080")
async def test_of_two_devices_with_one_name_the_later_wins_and_the_id_stays(
    edge: Edge,
) -> None:
    here, there = edge.device("here"), edge.device("there", peer="192.0.2.2")
    first, second = await here.register(), await there.register()
    assert first.location[1][:32] == second.location[1][:32] == KITCHEN
    assert (await here.update(first.location)).code == Code.NOT_FOUND


@pytest.mark.conforms("C-089", "B-096")
@pytest.mark.parametrize(
    ("replaces", "code"), [(False, Code.FORBIDDEN), (True, Code.CREATED)]
)
async def test_whether_another_credential_takes_over_a_name_is_a_setting(
    redis_url: str, code: Code, *, replaces: bool
) -> None:
    async with serving(redis_url, replaces=replaces) as edge:
        await edge.device("here", identity=KEY).register()
        answer = await edge.device("there", identity=OTHER_KEY).register()
        assert answer.code == code
        refused = isinstance((await edge.facts())[-1], RegistrationRefused)
        assert refused is not replaces


@pytest.mark.conforms("C-090", "B-086", "B-088")
async def test_applications_learn_id_name_and_all_resources(edge: Edge) -> None:
    await edge.device().register(
        payload=b'</1/0>,</3/0/9>;obs,</3/0/2>;v="0";aobs="883"'
    )
    fact = await registered(edge)
    assert (fact.device_id, fact.endpoint_name) == (KITCHEN, "kitchen")
    assert [(each.path, each.obs) for each in fact.resources] == [
        ("/1/0", False),
        ("/3/0/9", True),
        ("/3/0/2", True),
    ]
    assert fact.resources[-1].attributes == {"v": "0", "aobs": "883"}


@pytest.mark.conforms("C-092", "B-112", "RFC 8516")
async def test_the_eleventh_registration_in_ten_seconds_is_held(edge: Edge) -> None:
    device = edge.device()
    for _ in range(OPERATIONS):
        assert (await device.register()).code == Code.CREATED
    held = await device.register()
    assert held.code == Code.TOO_MANY_REQUESTS
    assert 1 <= (held.number(Option.MAX_AGE) or 0) <= 60
    assert (await device.register()).code == Code.TOO_MANY_REQUESTS
    assert told(await edge.facts()).count("registration.refused") == 1
    await held_no_longer(edge)
    assert (await device.register()).code == Code.CREATED


@pytest.mark.conforms("C-093", "B-113")
async def test_another_edge_or_port_is_no_way_around_the_hold(
    edge: Edge, redis_url: str
) -> None:
    async with serving(redis_url) as other:
        devices = [
            place.device(f"{number}", peer=f"192.0.2.{number}")
            for number, place in enumerate([edge, other] * (OPERATIONS // 2))
        ]
        for device in devices:
            assert (await device.register()).code == Code.CREATED
        assert (await other.device("x").register()).code == Code.TOO_MANY_REQUESTS


@pytest.mark.conforms("C-094", "B-118", "B-121", "REG-14")
async def test_a_held_izuma_device_hears_nothing_and_gets_in_after_it(
    edge: Edge,
) -> None:
    device = edge.device()
    for _ in range(OPERATIONS):
        await device.register(IZUMA)
    held = device.message_id + 1
    assert await device.silently(("rd",), IZUMA)
    await held_no_longer(edge)
    assert (await device.register(IZUMA, message_id=held)).code == Code.CREATED


@pytest.mark.conforms("C-096", "B-043", "Anjay forbidden_on_register")
@pytest.mark.parametrize(
    ("queries", "code"),
    [
        (REGISTER, Code.FORBIDDEN),
        (("lwm2m=1.0", "mccv=4.13.2"), Code.UNAUTHORIZED),
    ],
    ids=["plain", "izuma"],
)
async def test_a_device_of_another_account_is_refused_as_its_kind_survives_it(
    edge: Edge, queries: Sequence[str], code: Code
) -> None:
    device = edge.device(identity=KEY)
    other = AccountId("b" * 32)
    refused = await device.register((*queries, f"aid={other}"))
    assert refused.code == code
    assert told(await edge.facts()) == ["registration.refused"]


@pytest.mark.conforms("C-213", "B-047", "B-048")
@pytest.mark.parametrize("name", ["", "a\x00b", "a\nb", "x" * 250, "x" * 65])
async def test_a_name_that_is_none_leaves_no_trace(edge: Edge, name: str) -> None:
    refused = await edge.device().register((f"ep={name}", "lwm2m=1.1"))
    assert refused.code == Code.BAD_REQUEST
    assert await edge.store.redis.keys("*session*") == []
    assert await edge.facts() == []


@pytest.mark.conforms("C-213", "B-048")
@pytest.mark.parametrize(
    "name", ["a/b", "*", "a.>", "{b1}:x", "\N{SNOWMAN} ü", "a:b c"]
)
async def test_a_strange_name_is_in_no_key(edge: Edge, name: str) -> None:
    await edge.device().register((f"ep={name}", "lwm2m=1.1"))
    assert (await registered(edge)).endpoint_name == name
    written = await edge.store.redis.keys("*")
    assert not any(name.encode() in key for key in written)


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


async def test_an_account_may_know_better_which_kind_a_device_is(edge: Edge) -> None:
    await edge.alter(Alterations(name="izuma"), endpoint_names="kit*")
    created = await edge.device().register()
    assert created.location == ("rd", ACCOUNT, KITCHEN)
    assert (await registered(edge)).profile == "izuma"
    other = await edge.device("two").register(changed(ep="bath"))
    assert len(other.location) == len(("rd", "registration"))
    assert (await registered(edge)).profile == "lwm2m-1.1"


async def test_what_an_account_knows_counts_from_the_next_registration_on(
    edge: Edge,
) -> None:
    device = edge.device()
    assert (await device.register()).code == Code.CREATED
    assert (await registered(edge)).profile == "lwm2m-1.1"
    await edge.alter(Alterations(name="izuma-standard"))
    created = await device.register(payload=b"</1/0>,</3/0>")
    assert (await registered(edge)).profile == "izuma-standard"
    await device.update(created.location, payload=b"</7/0>")
    await edge.alter(Alterations(name="lwm2m-1.0"), priority=1)
    updated = (await edge.facts())[-1]
    assert {each.path for each in updated.resources} == {"/1/0", "/3/0", "/7/0"}


async def test_a_refusal_is_in_the_words_that_the_altered_kind_survives(
    edge: Edge,
) -> None:
    await edge.alter(Alterations(name="izuma-standard"))
    device = edge.device()
    for _ in range(OPERATIONS):
        assert (await device.register()).code == Code.CREATED
    assert await device.silently(("rd",), REGISTER)


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
