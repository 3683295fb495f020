"""A device is told what it needs, one thing at a time, and how that ends is a fact."""

import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import orjson
import pytest
from nats.aio.client import Client

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.errors import InvalidConfiguration
from homeport.events.facts import AnyFact, BootstrapFailed, FactName
from homeport.names import EndpointName
from homeport.protocol import tlv
from homeport.protocol.tlv import ObjectInstance, Resource
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from services.bootstrap import coap
from services.bootstrap.app import service
from services.bootstrap.config import BootstrapSettings
from tests.support import trust
from tests.support.events import facts_stored
from tests.support.keyring import SECRET_KEY
from tests.support.line import line
from tests.support.peer import Peer, peer
from tests.support.polling import until

pytestmark = pytest.mark.integration

ACCOUNT = names.AccountId("000000000000000000000000deadbeef")
LWM2M = "coap://127.0.0.1:5683"
IZUMA_NAME = EndpointName("01700000000000000000000000000001")
IZUMA_ID = names.device_id(ACCOUNT, IZUMA_NAME)
IZUMA_REQUEST = (
    "44 02 d835 f29ed278"  # CON POST, message id, token
    "b2 6273"  # Uri-Path: bs
    "30"  # Max-Age: 0
    f"1d 16 {f'ep={IZUMA_NAME}'.encode().hex()}"  # Uri-Query
    f"0d 17 {f'aid={ACCOUNT}'.encode().hex()}"
    f"0b {b'mccv=4.13.2'.hex()}"
)
WAKAAMA_REQUEST = (
    "44 02 936f 6f9373ac"  # CON POST, message id, token
    "b2 6273"  # Uri-Path: bs
    f"4b {b'ep=wakaama1'.hex()}"  # Uri-Query
    f"07 {b'pct=110'.hex()}"
)
BOOTSTRAPPED = [FactName.DEVICE_BOOTSTRAPPING, FactName.DEVICE_BOOTSTRAPPED]
FAILED = [FactName.DEVICE_BOOTSTRAPPING, FactName.BOOTSTRAP_FAILED]


class Device:
    """A device that a test plays; what it says is bytes, or hex with spaces."""

    def __init__(self, spoken: Peer, url: str) -> None:
        self._peer = spoken
        self._url = url

    def send(self, datagram: bytes | str, *, url: str = "") -> None:
        if isinstance(datagram, str):
            datagram = bytes.fromhex(datagram)
        self._peer.say(datagram, url or self._url)

    async def hear(self) -> bytes:
        return await self._peer.hear()

    async def hear_message(self) -> Message:
        return codec.decode(await self.hear())

    async def begin(self, datagram: bytes | str) -> Message:
        """Ask for a bootstrap; return the first thing that the device is asked."""
        self.send(datagram)
        answer = await self.hear_message()
        assert (answer.type, answer.code) == (Type.ACK, Code.CHANGED)
        return await self.hear_message()

    def acknowledge(
        self, asked: Message, code: Code = Code.CHANGED, *, payload: bytes = b""
    ) -> None:
        """Send a piggybacked response."""
        answer = Message(Type.ACK, code, asked.message_id, asked.token, (), payload)
        self.send(codec.encode(answer))

    async def hears_nothing(self) -> bool:
        return await self._peer.hears_nothing(self._url)


@contextmanager
def device_of(url: str) -> Iterator[Device]:
    """Put a device in front of a server."""
    with peer() as opened:
        yield Device(opened, url)


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with bus.connection(nats_url) as client:
        yield client


@asynccontextmanager
async def served(
    redis_url: str, nats_url: str, **changes: object
) -> AsyncIterator[str]:
    """Run the service without security; yield where it listens."""
    changes = {"nosec": True, **changes}
    async with opened(redis_url, nats_url, **changes) as urls:
        yield urls["coap"]


@asynccontextmanager
async def opened(
    redis_url: str, nats_url: str, **changes: object
) -> AsyncIterator[Mapping[str, str]]:
    """Run the service; yield where it listens, by scheme."""
    await trust.introduce(redis_url)
    settings = BootstrapSettings.model_validate(
        {
            "redis_url": redis_url,
            "nats_url": nats_url,
            "buckets": 4,
            "secret_key": SECRET_KEY,
            "bootstrap_coap_port": 0,
            "bootstrap_coap_tcp_port": 0,
            "bootstrap_coaps_port": 0,
            "bootstrap_coaps_tcp_port": 0,
            "default_account_id": ACCOUNT,
            "lwm2m_public_coap": LWM2M,
            **changes,
        }
    )
    async with service(settings, Probes()) as urls:
        yield urls


@pytest.fixture
async def device(redis_url: str, nats_url: str) -> AsyncIterator[Device]:
    async with served(redis_url, nats_url) as url:
        with device_of(url) as made:
            yield made


async def facts(nats: Client, wanted: Sequence[FactName]) -> list[AnyFact]:
    """Wait for as many facts as are wanted, which are all there are."""

    async def happened() -> bool:
        return len(await facts_stored(nats)) >= len(wanted)

    await until(happened)
    found = await facts_stored(nats)
    assert [fact.name for fact in found] == list(wanted)
    return found


def header(asked: Message) -> str:
    """Return message id and token as a device answers them, in hex."""
    return f"{asked.message_id:04x} {asked.token.hex()}"


def request(message_id: int, *queries: str, path: str = "bs") -> bytes:
    """Encode a request of a device."""
    options = [(Option.URI_PATH, path.encode())]
    options += [(Option.URI_QUERY, query.encode()) for query in queries]
    token = secrets.token_bytes(4)
    return codec.encode(Message(Type.CON, Code.POST, message_id, token, tuple(options)))


@pytest.mark.conforms("C-023", "C-025", "COAP-3", "B-026")
async def test_an_izuma_device_is_bootstrapped(device: Device, nats: Client) -> None:
    device.send(IZUMA_REQUEST)
    assert await device.hear() == bytes.fromhex("6444 d835 f29ed278")

    written = await device.hear_message()
    assert (written.type, written.code) == (Type.CON, Code.PUT)
    assert written.path == ("0",)
    assert written.content_format == tlv.CONTENT_FORMAT
    (instance,) = tlv.decode(written.payload)
    assert isinstance(instance, ObjectInstance)
    assert instance.resources[:3] == (
        Resource(0, f"{LWM2M}?aid={ACCOUNT}&iep={IZUMA_ID}".encode()),
        Resource(1, b"\x00"),
        Resource(2, b"\x03"),
    )
    device.send(f"6444 {header(written)}")

    finish = await device.hear_message()
    assert codec.encode(finish) == bytes.fromhex(f"4402 {header(finish)} b26273")
    device.send(f"6000 {finish.message_id:04x} c0")  # the empty ACK that is malformed
    device.send(f"4444 d836 {finish.token.hex()}")
    assert await device.hear() == bytes.fromhex("6000 d836")

    for fact in await facts(nats, BOOTSTRAPPED):
        assert fact.device_id == IZUMA_ID
        assert fact.account_id == ACCOUNT
        assert fact.endpoint_name == IZUMA_NAME


@pytest.mark.conforms("C-001", "C-015", "ETS-0", "Leshan BootstrapTest")
async def test_a_standard_device_is_bootstrapped(device: Device, nats: Client) -> None:
    deleted = await device.begin(WAKAAMA_REQUEST)
    assert codec.encode(deleted) == bytes.fromhex(f"4404 {header(deleted)}")
    device.send(f"6442 {header(deleted)}")

    discovered = await device.hear_message()
    assert codec.encode(discovered) == bytes.fromhex(
        f"4401 {header(discovered)} d10428"  # GET without a path, Accept: 40
    )
    links = b"</>;lwm2m=1.1,</0/0>,</1>;ver=1.1,</3/0>"
    device.acknowledge(discovered, Code.CONTENT, payload=links)

    security = await device.hear_message()
    assert (security.code, security.path) == (Code.PUT, ("0", "1"))
    assert security.content_format == 110
    assert orjson.loads(security.payload)[0] == {"bn": "/0/1", "n": "/0", "vs": LWM2M}
    device.send(f"6444 {header(security)}")

    server = await device.hear_message()
    assert (server.code, server.path) == (Code.PUT, ("1", "1"))
    assert orjson.loads(server.payload) == [
        {"bn": "/1/1", "n": "/0", "v": 1},
        {"n": "/1", "v": 86_400},
        {"n": "/6", "vb": False},
        {"n": "/7", "vs": "U"},
    ]
    device.send(f"6444 {header(server)}")

    finish = await device.hear_message()
    assert codec.encode(finish) == bytes.fromhex(f"4402 {header(finish)} b26273")
    device.send(f"6444 {header(finish)}")
    await facts(nats, BOOTSTRAPPED)


@pytest.mark.conforms("C-019", "B-028")
async def test_a_refused_write_ends_the_attempt_with_its_reason(
    device: Device, nats: Client
) -> None:
    written = await device.begin(IZUMA_REQUEST)
    device.send(f"6480 {header(written)} ff {b'No security object found'.hex()}")
    _, failed = await facts(nats, FAILED)
    assert isinstance(failed, BootstrapFailed)
    assert (failed.step, failed.code) == ("PUT /0", "4.00")
    assert failed.reason == "No security object found"
    assert await device.hears_nothing()


async def test_a_device_that_resets_a_write_has_failed(
    device: Device, nats: Client
) -> None:
    written = await device.begin(IZUMA_REQUEST)
    device.send(f"7000 {written.message_id:04x}")
    _, failed = await facts(nats, FAILED)
    assert isinstance(failed, BootstrapFailed)
    assert (failed.code, failed.reason) == ("", "was reset")


@pytest.mark.conforms("C-020", "B-030")
async def test_a_device_that_falls_silent_has_failed_and_may_come_again(
    redis_url: str, nats_url: str, nats: Client
) -> None:
    async with served(redis_url, nats_url, bootstrap_patience_seconds=0.3) as url:
        with device_of(url) as device:
            await device.begin(IZUMA_REQUEST)
            _, failed = await facts(nats, FAILED)
            assert isinstance(failed, BootstrapFailed)
            assert (failed.step, failed.code) == ("PUT /0", "")
            written = await device.begin(request(1, "ep=x", "mccv=1"))
            assert written.path == ("0",)


@pytest.mark.conforms("C-021", "RFC 7252 §4.5")
async def test_a_repeated_request_is_answered_alike_and_begins_nothing(
    device: Device, nats: Client
) -> None:
    written = await device.begin(IZUMA_REQUEST)
    device.send(IZUMA_REQUEST)
    assert await device.hear() == bytes.fromhex("6444 d835 f29ed278")
    device.acknowledge(written)
    device.acknowledge(await device.hear_message())
    await facts(nats, BOOTSTRAPPED)


@pytest.mark.conforms("C-021", "B-228")
async def test_a_request_repeated_at_another_replica_begins_nothing(
    redis_url: str, nats_url: str, nats: Client
) -> None:
    async with (
        served(redis_url, nats_url) as here,
        served(redis_url, nats_url) as there,
    ):
        with device_of(here) as device:
            written = await device.begin(IZUMA_REQUEST)
            device.send(IZUMA_REQUEST, url=there)
            assert await device.hear() == bytes.fromhex("6444 d835 f29ed278")
            device.acknowledge(written)
            device.acknowledge(await device.hear_message())
            await facts(nats, BOOTSTRAPPED)
            assert await device.hears_nothing()


@pytest.mark.conforms("C-022", "B-029")
async def test_a_new_request_takes_the_place_of_the_running_one(
    device: Device, nats: Client
) -> None:
    old = await device.begin(request(1, "ep=x", "mccv=1"))
    new = await device.begin(request(2, "ep=x", "mccv=1"))
    assert new.token != old.token
    device.acknowledge(old, Code.BAD_REQUEST)
    device.acknowledge(new)
    finish = await device.hear_message()
    assert finish.path == ("bs",)
    device.acknowledge(finish)
    await facts(nats, [FactName.DEVICE_BOOTSTRAPPING, *BOOTSTRAPPED])


@pytest.mark.parametrize(
    ("datagram", "code"),
    [
        (
            "4801 262a 9293cac4e6fc9e13 b6 62737061636b 49 65703d616e6a617931 2170",
            "4.04",
        ),
        (request(7, "ep=x", path="rd"), "4.04"),
        (request(7, "mccv=1"), "4.00"),
        (request(7, "ep=" + "x" * 65), "4.00"),
        (request(7, "ep=x", "ep=y"), "4.00"),
        (request(7, "ep=x", f"aid={'a' * 32}"), "4.03"),
    ],
    ids=["pack", "path", "no name", "long name", "two names", "account"],
)
@pytest.mark.conforms("C-010", "C-017", "B-046", "B-194")
async def test_a_request_that_is_refused_hears_why(
    device: Device, datagram: bytes | str, code: str
) -> None:
    device.send(datagram)
    answer = await device.hear_message()
    assert codec.code_text(answer.code) == code
    assert len(answer.payload) <= 64


async def test_bytes_that_are_no_message_harm_nobody(
    redis_url: str, nats_url: str, nats: Client
) -> None:
    async with served(redis_url, nats_url) as url:
        with device_of(url) as noise, device_of(url) as device:
            for length in range(60):
                noise.send(secrets.token_bytes(length))
            noise.send("4f00 1234")  # a token that is too long
            while await noise.hear() != bytes.fromhex("7000 1234"):
                pass
            device.acknowledge(await device.begin(IZUMA_REQUEST))
            device.acknowledge(await device.hear_message())
            await facts(nats, BOOTSTRAPPED)


async def test_more_devices_than_may_be_under_way_are_asked_to_come_back(
    redis_url: str, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coap, "DRAIN_SECONDS", 0)
    async with served(redis_url, nats_url, bootstrap_sessions=1) as url:
        with device_of(url) as first, device_of(url) as second:
            await first.begin(request(1, "ep=first", "mccv=1"))
            second.send(request(1, "ep=second", "mccv=1"))
            answer = await second.hear_message()
            assert answer.code == Code.SERVICE_UNAVAILABLE
            assert answer.number(Option.MAX_AGE) == 10


async def test_an_outage_of_the_store_costs_a_device_a_while_and_no_fact(
    redis_url: str, nats_url: str, nats: Client
) -> None:
    async with AsyncExitStack() as stack:
        way, over_line = await stack.enter_async_context(line(redis_url))
        url = await stack.enter_async_context(served(over_line, nats_url))
        device = stack.enter_context(device_of(url))
        written = await device.begin(request(1, "ep=x", "mccv=1"))
        await facts(nats, BOOTSTRAPPED[:1])
        way.cut()
        late = stack.enter_context(device_of(url))
        late.send(request(1, "ep=y", "mccv=1"))
        assert (await late.hear_message()).code == Code.SERVICE_UNAVAILABLE
        device.acknowledge(written)
        device.acknowledge(await device.hear_message())
        way.mend()
        await facts(nats, BOOTSTRAPPED)


async def test_how_a_bootstrap_ended_is_told_though_the_service_leaves(
    redis_url: str, nats_url: str, nats: Client
) -> None:
    async with served(redis_url, nats_url) as url:
        with device_of(url) as device:
            device.acknowledge(await device.begin(request(1, "ep=x", "mccv=1")))
            finish = await device.hear_message()
            device.send(f"4444 0002 {finish.token.hex()}")
            assert await device.hear() == bytes.fromhex("6000 0002")
    await facts(nats, BOOTSTRAPPED)


async def test_only_secured_ports_are_open_without_nosec(
    redis_url: str, nats_url: str
) -> None:
    async with opened(redis_url, nats_url) as urls:
        assert sorted(urls) == ["coaps", "coaps+tcp"]


async def test_an_address_that_no_device_could_reach_keeps_the_service_from_starting(
    redis_url: str, nats_url: str
) -> None:
    with pytest.raises(InvalidConfiguration, match="nobody can reach"):
        async with served(redis_url, nats_url, lwm2m_public_coap="coap://0.0.0.0:1"):
            pass
    with pytest.raises(InvalidConfiguration, match="nobody can reach"):
        async with opened(redis_url, nats_url, lwm2m_public_coaps="coaps://0.0.0.0:1"):
            pass
