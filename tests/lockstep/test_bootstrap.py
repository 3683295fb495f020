"""Bootstrap, case by case: what a device is asked, answers, and what is told of it."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from homeport import names
from homeport.coap import blockwise, codec
from homeport.coap.blockwise import Block
from homeport.coap.codec import Code, Message, Option
from homeport.events.facts import (
    BootstrapFailed,
    DeviceBootstrapped,
    FactName,
)
from homeport.identity import Identity
from homeport.names import AccountId, EdgeId, EndpointName
from homeport.protocol.alterations import Alterations
from homeport.protocol.configurations import Configuration, Instance, ServerAccount
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from homeport.store import keys
from services.bootstrap import handlers
from tests.support.bootstrap import (
    ACCOUNT,
    BY_CERTIFICATE,
    BY_KEY,
    IZUMA_NAME,
    origin,
    request,
)
from tests.support.bootstrap_edge import (
    Edge,
    Said,
    answer_all,
    fetch,
    name,
    records,
    serving,
)
from tests.support.memory import Device
from tests.support.polling import until

pytestmark = pytest.mark.integration

IZUMA = (f"ep={IZUMA_NAME}", f"aid={ACCOUNT}", "mccv=4.13.2")
BEGUN, ENDED = FactName.DEVICE_BOOTSTRAPPING, FactName.DEVICE_BOOTSTRAPPED
SECRET_KEY = 5
"""The resource of the security object that holds it."""
OTHER = ServerAccount(
    2,
    {
        Path((0,)): "coaps://second.example:5684",
        Path((1,)): False,
        Path((2,)): 0,
        Path((3,)): b"second",
        Path((4,)): b"",
        Path((5,)): b"secret",
        Path((10,)): 2,
    },
    {Path((0,)): 2, Path((1,)): 600, Path((6,)): False, Path((7,)): "U"},
)


@pytest.fixture
async def edge(redis_url: str) -> AsyncIterator[Edge]:
    async with serving(redis_url) as made:
        yield made


async def begin(
    edge: Edge,
    *queries: str,
    identity: Identity = BY_KEY,
    association: str = "a" * 28,
    message_id: int = 7,
) -> Device:
    """Let a device ask for a bootstrap, and hear that it will have one."""
    device = edge.port.connect(origin(identity, association))
    device.say(codec.encode(request(*queries, message_id=message_id)))
    answer = await device.hear_message()
    assert answer.code == Code.CHANGED, answer
    return device


async def bootstrapped(edge: Edge, *queries: str, **answers: Said) -> list[Message]:
    return await answer_all(await begin(edge, *queries), answers)


def asked(messages: list[Message]) -> list[str]:
    return [name(message) for message in messages]


@pytest.mark.parametrize(
    ("preferred", "content_format"),
    [("", 11542), ("pct=11542", 11542), ("pct=110", 110), ("pct=112", 112)],
)
@pytest.mark.conforms("C-015", "B-191", "1.1 pct")
async def test_a_device_is_written_to_in_the_format_that_it_prefers(
    edge: Edge, preferred: str, content_format: int
) -> None:
    queries = [preferred] if preferred else []
    messages = await bootstrapped(edge, *queries)
    written = [message for message in messages if message.code == Code.PUT]
    assert [message.content_format for message in written] == [content_format] * 2
    for message in written:
        instance = message.path[0], "1"
        assert {record.path[:2] for record in records(message)} == {
            tuple(map(int, instance))
        }
    assert (await edge.facts(2))[1].name is ENDED


@pytest.mark.conforms("B-065", "B-191")
async def test_a_format_that_nobody_knows_is_refused_and_may_be_mended(
    edge: Edge,
) -> None:
    device = edge.port.connect(origin(BY_KEY))
    device.say(codec.encode(request("pct=60", message_id=1)))
    answer = await device.hear_message()
    assert answer.code == Code.BAD_REQUEST
    assert answer.payload == b"pct is none of 110, 112, 11542, 11544"
    device.say(codec.encode(request("pct=110", message_id=2)))
    assert (await device.hear_message()).code == Code.CHANGED


@pytest.mark.conforms("C-016", "Leshan BootstrapTest")
async def test_a_device_that_knows_only_tlv_is_written_to_in_tlv(edge: Edge) -> None:
    device = await begin(edge, "pct=112")
    for wanted in ("DELETE /", "GET /"):
        message = await device.hear_message()
        assert name(message) == wanted
        device.say(reply(message))
    refused = await device.hear_message()
    assert refused.content_format == 112
    device.say(reply(refused, Code.UNSUPPORTED_CONTENT_FORMAT))
    rest = await answer_all(device)
    assert asked(rest) == ["PUT /0/1", "PUT /1/1", "POST /bs"]
    assert [message.content_format for message in rest[:2]] == [11542, 11542]
    assert (await edge.facts(2))[1].name is ENDED


def reply(message: Message, code: Code = Code.CHANGED) -> bytes:
    said = Message(codec.Type.ACK, code, message.message_id, message.token)
    return codec.encode(said)


def pack_request(message_id: int = 1, *options: tuple[int, bytes]) -> bytes:
    """Ask for all of it at once, as clients of LwM2M 1.2 do first."""
    asking = request(
        "ep=kitchen", path=("bspack",), code=Code.GET, message_id=message_id
    )
    ordered = sorted((*asking.options, *options), key=lambda pair: pair[0])
    return codec.encode(replace(asking, options=tuple(ordered)))


@pytest.mark.conforms("C-017", "B-194", "Anjay bootstrap_pack")
async def test_a_device_goes_on_where_no_pack_is_offered(edge: Edge) -> None:
    await edge.configure(Configuration(server={Path((1,)): 60}))
    device = edge.port.connect(origin(BY_KEY))
    device.say(pack_request())
    assert (await device.hear_message()).code == Code.NOT_FOUND
    device.say(codec.encode(request("ep=kitchen", "pct=112", message_id=2)))
    assert (await device.hear_message()).code == Code.CHANGED
    await answer_all(device)
    await edge.facts(2)


@pytest.mark.conforms("C-018", "B-194", "1.2 Bootstrap-Pack")
async def test_a_device_fetches_all_of_it_at_once_however_much(edge: Edge) -> None:
    large = Instance(
        Path((2, 0)),
        {Path((2, number)): number for number in range(1, 9000)},
    )
    await edge.configure(
        Configuration(servers=(OTHER,), instances=(large,), offers_pack=True)
    )
    device = edge.port.connect(origin(BY_KEY))

    def ask(number: int) -> bytes:
        block = blockwise.build(Block(number, more=False, szx=6))
        return pack_request(number, (Option.BLOCK2, block))

    parts, body = await fetch(ask, device, code=Code.CONTENT)
    assert len(body) > 100_000
    assert len(parts) == -(-len(body) // 1024)
    assert parts[0].content_format == 112
    found = codecs.decode(112, body, base=ROOT, definitions=CORE)
    assert list(dict.fromkeys(record.path[:2] for record in found)) == [
        (0, 1),
        (1, 1),
        (0, 2),
        (1, 2),
        (2, 0),
    ]
    values = {record.path: record.value for record in found}
    assert values[0, 1, 0] == "coaps://127.0.0.1:5684"
    assert values[0, 1, 5] != b""
    assert [fact.name for fact in await edge.facts(2)] == [BEGUN, ENDED]


async def test_a_pack_that_fits_one_answer_has_been_given_with_it(edge: Edge) -> None:
    await edge.configure(Configuration(offers_pack=True))
    device = edge.port.connect(origin(BY_KEY))
    device.say(pack_request(1, (Option.ACCEPT, (11544).to_bytes(2, "big"))))
    answer = await device.hear_message()
    assert (answer.code, answer.content_format) == (Code.CONTENT, 11544)
    codecs.decode(11544, answer.payload, base=ROOT, definitions=CORE)
    device.say(pack_request(2, (Option.ACCEPT, (11542).to_bytes(2, "big"))))
    assert (await device.hear_message()).code == Code.NOT_ACCEPTABLE
    assert [fact.name for fact in await edge.facts(2)] == [BEGUN, ENDED]


WANTED = Configuration(
    short_server_id=7,
    server={Path((1,)): 60},
    servers=(OTHER,),
    instances=(Instance(Path((3, 0)), {Path((14,)): "+02:00"}),),
    reads=(Path((1,)),),
)


@pytest.mark.conforms("C-012", "B-190", "B-192")
async def test_what_an_account_wants_is_written_where_there_is_room(edge: Edge) -> None:
    await edge.configure(WANTED, endpoint_names="kit*", profiles=("lwm2m-1.1",))
    links = b'</>;lwm2m=1.1,</0/0>;uri="coaps://x:1",</0/1>,</1/0>;ssid=123'
    device = await begin(edge, "pct=112")
    messages = await answer_all(device, {"GET /": (Code.CONTENT, links, 40)})
    assert asked(messages) == [
        *("DELETE /", "GET /", "PUT /0/2", "PUT /0/3", "PUT /1/1", "PUT /1/2"),
        *("PUT /3/0", "GET /1", "POST /bs"),
    ]
    ours, other, server = (records(message) for message in messages[2:5])
    assert Record(Path((0, 2, 10)), 7) in ours
    assert Record(Path((0, 3, 5)), b"secret") in other
    assert server[:2] == (Record(Path((1, 1, 0)), 7), Record(Path((1, 1, 1)), 60))


async def test_what_other_accounts_and_other_devices_are_given_is_theirs(
    edge: Edge,
) -> None:
    await edge.configure(WANTED, endpoint_names="bath*")
    messages = await bootstrapped(edge, "pct=112")
    assert len(messages) == 5


@pytest.mark.conforms("C-008", "ETS-8")
async def test_what_is_read_of_a_device_is_told_with_the_end(edge: Edge) -> None:
    await edge.configure(Configuration(reads=(Path((1,)), Path((2,)))))
    read = b'[{"bn":"/1/0","n":"/1","v":300},{"n":"/7","vs":"U"}]'
    device = await begin(edge, "pct=110")
    messages = await answer_all(
        device,
        {"GET /1": (Code.CONTENT, read, 110), "GET /2": (Code.NOT_FOUND, b"", None)},
    )
    assert asked(messages)[-3:] == ["GET /1", "GET /2", "POST /bs"]
    assert messages[-2].number(Option.ACCEPT) == 110
    _, ended = await edge.facts(2)
    assert isinstance(ended, DeviceBootstrapped)
    assert ended.read == {"/1/0/1": 300, "/1/0/7": "U"}


async def test_an_account_may_know_its_devices_better(edge: Edge) -> None:
    known = Alterations(name="izuma-standard", deletes=False, szx=2)
    await edge.configure(Configuration(alterations=known))
    messages = await bootstrapped(edge, "pct=112")
    assert asked(messages) == ["PUT /0/0", "PUT /1/0", "POST /bs"]
    assert messages[1].content_format == 112


@pytest.mark.conforms("C-009", "B-193", "ETS-9")
async def test_a_device_that_finds_it_inconsistent_has_failed_and_may_try_again(
    edge: Edge,
) -> None:
    device = await begin(edge)
    reason = b"No server instance for short server id 1, which is a pity, too long"
    await answer_all(device, {"POST /bs": (Code.NOT_ACCEPTABLE, reason, None)})
    _, failed = await edge.facts(2)
    assert isinstance(failed, BootstrapFailed)
    assert (failed.step, failed.code) == ("POST /bs", "4.06")
    assert failed.reason == reason.decode()[:64]
    await answer_all(await begin(edge, message_id=8))
    assert (await edge.facts(4))[3].name is ENDED


@pytest.mark.conforms("B-189")
async def test_a_device_that_deletes_nothing_has_failed(edge: Edge) -> None:
    device = await begin(edge)
    deletion = await device.hear_message()
    assert codec.encode(deletion)[4 + len(deletion.token) :] == b""
    device.say(reply(deletion, Code.METHOD_NOT_ALLOWED))
    _, failed = await edge.facts(2)
    assert isinstance(failed, BootstrapFailed)
    assert (failed.step, failed.code) == ("DELETE /", "4.05")


@pytest.mark.conforms("EST-8")
async def test_a_device_that_can_not_enroll_is_handed_a_certificate(
    redis_url: str,
) -> None:
    async with serving(redis_url, enrolls=True) as edge:
        device = await begin(edge, *IZUMA, identity=BY_CERTIFICATE)
        first = await device.hear_message()
        assert mode(first) == 4
        device.say(reply(first, Code.BAD_REQUEST))
        written, finish = await answer_all(device)
        assert mode(written) == 2
        assert finish.queries == ()
        _, ended = await edge.facts(2)
        assert isinstance(ended, DeviceBootstrapped)
        assert ended.device_key


def mode(message: Message) -> object:
    return next(each.value for each in records(message) if each.path[2] == 2)


@pytest.mark.conforms("C-028", "B-018", "B-025")
async def test_a_device_that_comes_again_is_the_same_device(edge: Edge) -> None:
    for message_id in (1, 2):
        device = await begin(
            edge, *IZUMA, identity=BY_CERTIFICATE, message_id=message_id
        )
        await answer_all(device)
    _, first, _, second = await edge.facts(4)
    assert first.device_id == second.device_id == names.device_id(ACCOUNT, IZUMA_NAME)
    assert first.time < second.time
    assert isinstance(first, DeviceBootstrapped)
    assert isinstance(second, DeviceBootstrapped)
    assert first.device_key != second.device_key


@pytest.mark.conforms("C-032", "B-014")
async def test_a_name_in_two_accounts_is_two_devices(edge: Edge) -> None:
    other = AccountId("b" * 32)
    for number, account in enumerate((ACCOUNT, other)):
        identity = replace(BY_KEY, name=f"psk:{number}", account=account)
        await answer_all(
            await begin(edge, identity=identity, association=f"{number}" * 28)
        )
    facts = await edge.facts(4)
    assert {fact.endpoint_name for fact in facts} == {"kitchen"}
    assert {(fact.account_id, fact.device_id) for fact in facts} == {
        (account, names.device_id(account, EndpointName("kitchen")))
        for account in (ACCOUNT, other)
    }


@pytest.mark.conforms("B-029", "B-228")
async def test_a_request_that_died_with_its_edge_is_answered_by_another(
    redis_url: str,
) -> None:
    async with (
        serving(redis_url) as dead,
        serving(redis_url, edge=EdgeId("bootstrap-2")) as edge,
    ):
        await begin(dead, "pct=112")  # no edge has ever beaten: this one is dead
        device = await begin(edge, "pct=112")
        await answer_all(device)
        facts = [fact.name for fact in await edge.facts(3)]
        assert facts == [BEGUN, BEGUN, ENDED]


@pytest.mark.conforms("C-021", "B-228")
async def test_a_request_that_another_edge_works_on_is_left_to_it(
    redis_url: str,
) -> None:
    async with (
        serving(redis_url) as here,
        serving(redis_url, edge=EdgeId("bootstrap-2")) as there,
    ):
        await here.registry.beat(EdgeId("bootstrap-1"), registers=False)
        device = await begin(here, "pct=112")
        await begin(there, "pct=112")
        await answer_all(device)
        assert [fact.name for fact in await here.facts(2)] == [BEGUN, ENDED]


@pytest.mark.conforms("B-228")
async def test_a_request_that_may_have_died_with_its_edge_is_left_to_its_repetition(
    redis_url: str,
) -> None:
    async with (
        serving(redis_url) as here,
        serving(redis_url, edge=EdgeId("bootstrap-2")) as there,
    ):
        beats = await here.registry.beat(EdgeId("bootstrap-1"), registers=False)
        late = beats.now - 3_000
        await here.store.redis.zadd(keys.edges(), {"bootstrap-1": late})
        await begin(here, "pct=112")
        device = there.port.connect(origin(BY_KEY))
        device.say(codec.encode(request("pct=112")))
        other = replace(BY_KEY, name="psk:2", endpoint_name=EndpointName("bath"))
        await begin(there, identity=other, association="b" * 28)  # behind the other
        await here.store.redis.zrem(keys.edges(), "bootstrap-1")
        await answer_all(await begin(there, "pct=112"))
        told = [fact.name for fact in await here.facts(4)]
        assert sorted(told) == sorted([BEGUN, BEGUN, BEGUN, ENDED])


@pytest.mark.conforms("C-230", "CVE-2018-12679")
@pytest.mark.parametrize("place", ["interpret", "resolve", "plan"])
async def test_a_device_that_meets_a_defect_costs_no_other_its_bootstrap(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def broken(asked: object, *rest: object, **more: object) -> object:
        if "bath" in repr(asked):
            raise ZeroDivisionError
        return whole(asked, *rest, **more)

    whole = getattr(handlers, place)
    monkeypatch.setattr(handlers, place, broken)
    other = replace(BY_KEY, name="psk:2", endpoint_name=EndpointName("bath"))
    poison = edge.port.connect(origin(other, "b" * 28))
    poison.say(codec.encode(request("ep=bath", "pct=112")))
    await answer_all(await begin(edge, "pct=112"))
    await answer_all(await begin(edge, "pct=112", message_id=8))

    async def told() -> bool:
        facts = await edge.store.facts()
        names = [fact.name for fact in facts if fact.endpoint_name == "kitchen"]
        return names == [BEGUN, ENDED, BEGUN, ENDED]

    await until(told)


@pytest.mark.conforms("C-232", "B-074")
async def test_what_a_device_is_handed_is_told_nobody_else(edge: Edge) -> None:
    await edge.configure(replace(WANTED, reads=()))
    with capture_logs() as logged:
        messages = await bootstrapped(edge, "pct=112")
        told = repr([fact.model_dump_json() for fact in await edge.facts(2)])
    keys = [
        record.value
        for message in messages
        if message.path[:1] == ("0",)
        for record in records(message)
        if record.path[-1] == SECRET_KEY
    ]
    assert [len(key) for key in keys] == [16, len(b"secret")]
    for key in keys:
        for spelled in (key.hex(), base64.b64encode(key).decode(), repr(key)[2:-1]):
            assert spelled not in told + repr(logged)
