"""Real devices, as captured, are bootstrapped with what their credentials allow."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option
from homeport.coap.transport import Origin
from homeport.events.facts import (
    BootstrapFailed,
    DeviceBootstrapped,
    FactName,
)
from homeport.identity import Identity
from homeport.names import AccountId, EndpointName
from homeport.pki import certificates, devices, psk
from homeport.protocol import paths
from homeport.protocol.formats import codecs, values
from homeport.protocol.objects.core import CORE
from homeport.store.entries import Claim, DeviceEntry
from services.bootstrap.coap import DRAIN_SECONDS
from tests.support.bootstrap import (
    ACCOUNT,
    AS_DEVELOPER,
    BY_CERTIFICATE,
    BY_KEY,
    FINGERPRINT,
    IZUMA_ID,
    IZUMA_NAME,
    CapturedDevice,
    origin,
    request,
)
from tests.support.bootstrap_edge import Edge, answer_all, serving
from tests.support.memory import Device
from tests.support.polling import until
from tests.support.trust import KEYRING, ours

pytestmark = pytest.mark.integration

LATE = origin(BY_KEY)._replace(exchanges="late")
BOOTSTRAPPED = [FactName.DEVICE_BOOTSTRAPPING, FactName.DEVICE_BOOTSTRAPPED]


@pytest.fixture
async def edge(redis_url: str) -> AsyncIterator[Edge]:
    async with serving(redis_url) as made:
        yield made


async def play(edge: Edge, capture: str, whose: Origin) -> dict[str, dict[int, bytes]]:
    """Let a captured device bootstrap; return the resources that it was written."""
    captured, device = CapturedDevice(capture), edge.port.connect(whose)
    written: dict[str, tuple[int, bytes]] = {}
    first = next(each for each in captured.requests if path(each) == "/bs")
    device.say(first)
    answer = await device.hear_message()
    assert answer.code == Code.CHANGED
    while True:
        asked = await device.hear_message()
        name = f"/{'/'.join(asked.path)}"
        if asked.code == Code.PUT:
            _, before = written.get(name, (0, b""))
            written[name] = asked.content_format or 0, before + asked.payload
        for each in captured.answers(asked):
            device.say(each)
            if codec.decode(each).type == codec.Type.CON:
                assert (await device.hear())[:2] == b"\x60\x00"
        if name == "/bs":
            return {at: resources(at, *said) for at, said in written.items()}


def resources(at: str, content_format: int, payload: bytes) -> dict[int, bytes]:
    """Return the resources of what was written, in whichever format."""
    base = paths.parse(at)
    records = codecs.decode(content_format, payload, base=base, definitions=CORE)
    return {
        record.path[2]: values.to_bytes(record.value)
        for record in records
        if record.value is not None
    }


def path(datagram: bytes) -> str:
    return f"/{'/'.join(codec.decode(datagram).path)}"


def named(identity: Identity, name: str) -> Origin:
    """Say that a device has proved to have another name."""
    return origin(replace(identity, endpoint_name=EndpointName(name)))


async def bootstrapped(edge: Edge) -> DeviceBootstrapped:
    begun, ended = await edge.facts(2)
    assert begun.name is FactName.DEVICE_BOOTSTRAPPING
    assert isinstance(ended, DeviceBootstrapped), ended
    return ended


async def test_an_izuma_device_is_handed_a_certificate(edge: Edge) -> None:
    written = await play(
        edge, "izuma-udp-bootstrap-certificate", origin(BY_CERTIFICATE)
    )
    assert list(written) == ["/0"]
    security = written["/0"]
    device = names.device_id(ACCOUNT, IZUMA_NAME)
    assert security[0].decode() == (
        f"coaps://127.0.0.1:5684?aid={ACCOUNT}&iep={device}"
    )
    assert security[2] == b"\x02"
    assert security[4] == ours().root
    issued = devices.read(security[3])
    assert (issued.device, issued.endpoint_name) == (device, IZUMA_NAME)
    fact = await bootstrapped(edge)
    assert (fact.device_id, fact.endpoint_name) == (device, IZUMA_NAME)
    assert fact.device_key == issued.fingerprint
    assert fact.execution_mode == 5


@pytest.mark.conforms("C-029", "B-051", "B-056")
async def test_a_developers_device_is_its_own_name(edge: Edge) -> None:
    written = await play(edge, "izuma-udp-bootstrap-certificate", origin(AS_DEVELOPER))
    issued = devices.read(written["/0"][3])
    assert issued.endpoint_name == issued.device
    fact = await bootstrapped(edge)
    assert fact.device_id == fact.endpoint_name == issued.device
    assert (fact.developer, fact.execution_mode) == (FINGERPRINT, 1)
    (entry,) = await edge.reader.devices([issued.device])
    assert entry == DeviceEntry(issued.device, ACCOUNT, developer=FINGERPRINT)


@pytest.mark.conforms("C-030", "B-050", "B-058")
async def test_a_developers_device_that_comes_again_keeps_its_id(edge: Edge) -> None:
    device = edge.port.connect(origin(AS_DEVELOPER, "a" * 28))
    device.say(codec.encode(request(f"ep={IZUMA_NAME}", "mccv=1")))
    first = (await edge.facts(1))[0].device_id
    again = edge.port.connect(origin(AS_DEVELOPER, "b" * 28))
    again.say(codec.encode(request(f"ep={IZUMA_NAME}", f"iep={first}", "mccv=1")))
    assert (await edge.facts(2))[1].device_id == first
    reset = edge.port.connect(origin(AS_DEVELOPER, "c" * 28))
    reset.say(codec.encode(request(f"ep={IZUMA_NAME}", "mccv=1")))
    assert (await edge.facts(3))[2].device_id != first


@pytest.mark.conforms("C-031", "B-059")
async def test_a_developers_device_can_not_be_a_device_of_production(
    edge: Edge,
) -> None:
    await edge.writer.put([DeviceEntry(IZUMA_ID, ACCOUNT)])
    device = edge.port.connect(origin(AS_DEVELOPER))
    device.say(codec.encode(request(f"iep={IZUMA_ID}", "mccv=1")))
    (begun,) = await edge.facts(1)
    assert begun.device_id != IZUMA_ID


@pytest.mark.conforms("C-026", "EST-1 .. EST-6")
async def test_an_izuma_device_enrolls(redis_url: str) -> None:
    identity = replace(BY_CERTIFICATE, device=IZUMA_ID)  # as it was called then
    capture = "izuma-udp-bootstrap-est"
    async with serving(redis_url, enrolls=True) as edge:
        written = await play(edge, capture, origin(identity))
        security = written["/0"]
        assert security[2] == b"\x04"
        assert (security[3], security[5]) == (b"", b"")
        assert len(await edge.store.facts()) == 1
        device = edge.port.connect(origin(identity))
        certificate = await fetch(device, CapturedDevice(capture))
        assert devices.read(certificate).device == IZUMA_ID
        fact = await bootstrapped(edge)
        assert fact.device_key == certificates.fingerprint(certificate)


async def fetch(device: Device, captured: CapturedDevice) -> bytes:
    """Let a captured device fetch its certificate, block by block."""
    asked = [each for each in captured.requests if path(each) == "/est/sen"]
    body, number = b"", 0
    while True:
        device.say(asked[number])
        part = await device.hear_message()
        assert part.code == Code.CHANGED
        assert part.token == codec.decode(asked[number]).token
        block = part.number(Option.BLOCK2)
        assert block is not None
        assert (block >> 4, block & 7) == (number, 5)
        body, number = body + part.payload, number + 1
        if not block & 8:
            break
    assert body[:2] == b"\x01\x02"
    return body[4 : 4 + int.from_bytes(body[2:4], "big")]


@pytest.mark.parametrize(
    ("capture", "name"),
    [
        ("anjay-psk-bootstrap", "anjay2"),
        ("leshan-psk-bootstrap", "leshan2"),
        ("wakaama-psk-bootstrap", "wakaama2"),
    ],
)
async def test_a_plain_device_with_a_key_is_handed_another(
    edge: Edge, capture: str, name: str
) -> None:
    written = await play(edge, capture, named(BY_KEY, name))
    security = next(iter(written.values()))
    assert security[0] == b"coaps://127.0.0.1:5684"
    assert security[2] == b"\x00"
    assert psk.key(KEYRING, security[3], account=ACCOUNT) == security[5]
    fact = await bootstrapped(edge)
    assert (fact.means, fact.device_key) == ("psk", "")
    device = names.device_id(ACCOUNT, EndpointName(name))
    assert await edge.reader.devices([device]) == [DeviceEntry(device, ACCOUNT)]


@pytest.mark.parametrize(
    ("capture", "name"),
    [("anjay-x509-bootstrap", "anjay5"), ("leshan-x509-bootstrap", "leshan3")],
)
async def test_a_plain_device_with_a_certificate_is_handed_another(
    edge: Edge, capture: str, name: str
) -> None:
    written = await play(edge, capture, named(BY_CERTIFICATE, name))
    security = next(iter(written.values()))
    assert (security[2], security[15]) == (b"\x02", b"\x02")
    assert security[4] == ours().root
    assert devices.read(security[3]).endpoint_name == name
    await bootstrapped(edge)


async def test_an_izuma_device_for_plain_servers_is_handed_a_certificate(
    edge: Edge,
) -> None:
    written = await play(edge, "izuma-standard-bootstrap", origin(BY_CERTIFICATE))
    assert list(written) == ["/0/0", "/1/0"]
    security = written["/0/0"]
    assert security[0] == b"coaps://127.0.0.1:5684"
    assert security[4] == ours().root
    await bootstrapped(edge)


async def test_a_device_whose_credential_says_otherwise_is_refused_on_the_record(
    edge: Edge,
) -> None:
    device = edge.port.connect(origin(BY_CERTIFICATE))
    device.say(codec.encode(request("ep=kitchen", "mccv=1")))
    answer = await device.hear_message()
    assert answer.code == Code.FORBIDDEN
    assert answer.payload == b"ep is not the name that the credential has"
    (fact,) = await edge.facts(1)
    assert isinstance(fact, BootstrapFailed)
    assert (fact.step, fact.code) == ("POST /bs", "4.03")
    assert fact.reason == answer.payload.decode()
    assert fact.fingerprint == FINGERPRINT
    assert fact.account_id == ACCOUNT


async def test_a_suspended_device_is_refused_until_it_is_not(edge: Edge) -> None:
    kitchen = names.device_id(ACCOUNT, EndpointName("kitchen"))
    device = edge.port.connect(origin(BY_KEY))
    for number, suspended in enumerate((True, False)):
        await edge.writer.put([DeviceEntry(kitchen, ACCOUNT, suspended=suspended)])
        device.say(codec.encode(request("pct=112", message_id=number)))
        answer: Message = await device.hear_message()
        assert answer.code == (Code.FORBIDDEN if suspended else Code.CHANGED)


@pytest.mark.conforms("C-033", "C-034", "B-138", "B-139")
async def test_a_device_is_refused_until_somebody_has_claimed_it(edge: Edge) -> None:
    owner = AccountId("b" * 32)
    claimable = replace(
        BY_CERTIFICATE, account=None, accounts=(ACCOUNT, owner), enrolls=True
    )
    device = edge.port.connect(origin(claimable))
    device.say(codec.encode(request("pct=112", message_id=1)))
    answer: Message = await device.hear_message()
    assert answer.code == Code.FORBIDDEN
    assert answer.payload == b"no account has claimed this device"
    await edge.writer.put([Claim("1", owner, FINGERPRINT)])
    device.say(codec.encode(request("pct=112", message_id=2)))
    assert (await device.hear_message()).code == Code.CHANGED
    refused, began = sorted(await edge.facts(2), key=lambda fact: fact.name)
    assert (refused.account_id, began.account_id) == (names.PLATFORM_ACCOUNT, owner)
    assert began.device_id == names.device_id(owner, IZUMA_NAME)


async def test_what_is_known_of_a_device_survives_its_introduction(edge: Edge) -> None:
    kitchen = names.device_id(ACCOUNT, EndpointName("kitchen"))
    known = DeviceEntry(kitchen, ACCOUNT, not_before=1_800_000_000_000)
    await edge.writer.put([known])
    device = edge.port.connect(origin(BY_KEY))
    device.say(codec.encode(request("pct=112")))
    assert (await device.hear_message()).code == Code.CHANGED
    assert await edge.reader.devices([kitchen]) == [known]


async def test_a_bootstrap_fails_at_once_when_its_device_is_gone(edge: Edge) -> None:
    device = edge.port.connect(origin(BY_KEY))
    device.say(codec.encode(request("pct=112")))
    await device.hear()
    await device.hear()
    device.leave()
    _, failed = await edge.facts(2)
    assert isinstance(failed, BootstrapFailed)
    assert failed.reason == "has lost its peer"


async def test_an_edge_that_ends_goes_on_with_what_it_has_begun(edge: Edge) -> None:
    device, late = edge.port.connect(origin(BY_KEY)), edge.port.connect(LATE)
    device.say(codec.encode(request("pct=112")))
    assert (await device.hear_message()).code == Code.CHANGED
    draining = asyncio.create_task(edge.drain())
    await asyncio.sleep(0)
    late.say(codec.encode(request("pct=112")))
    await answer_all(device)
    await draining
    assert late.unheard == 0
    await bootstrapped(edge)


async def test_an_edge_that_ends_and_has_begun_nothing_ends_at_once(edge: Edge) -> None:
    async with asyncio.timeout(DRAIN_SECONDS / 2):
        await edge.drain()
    late = edge.port.connect(LATE)
    late.say(codec.encode(request("pct=112")))
    assert late.unheard == 0


async def test_an_edge_that_has_lost_the_association_leaves_it(edge: Edge) -> None:
    newer = origin(BY_KEY)._replace(association="b" * 28, generation=2)
    edge.port.connect(newer._replace(exchanges="newer")).say(
        codec.encode(request("pct=112"))
    )
    await edge.facts(1)
    edge.port.connect(newer._replace(exchanges="older", generation=1))
    edge.port.say(codec.encode(request("pct=112", message_id=8)), "older", sequence=1)

    async def released() -> bool:
        return edge.port.released == ["older"]

    await until(released)
