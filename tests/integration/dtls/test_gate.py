"""Who comes in, who does not, and that every way out gives its place back."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack

import pytest

from homeport.dtls import flights, messages, records
from homeport.dtls.association import Association
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Established, Failed
from homeport.dtls.gate import Limits
from homeport.dtls.messages import HandshakeType
from homeport.dtls.openssl import questions
from homeport.dtls.records import AlertLevel, ContentType
from homeport.dtls.suites import SUITES, Suite
from tests.support import certificates, hellos
from tests.support.dtls import house
from tests.support.handshakes import Line, straight, troubled
from tests.support.line import line
from tests.support.polling import until
from tests.support.secured import (
    KEY,
    NO_IDS,
    PATIENCE_SECONDS,
    Port,
    SecuredPeer,
    Trusting,
    port,
    secured_peer,
    with_cid,
)

pytestmark = pytest.mark.integration

WRONG_KEY = DeviceKey(KEY.identity, b"\x08" * 16)
STRANGER = DeviceKey(b"stranger", b"\x08" * 16)
OUTSIDER = certificates.authority("Another CA").issue("device")
BRIEF = Limits(seconds=0.25)
CLOSE = records.alert(AlertLevel.FATAL, 80)


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "FIRST_WAIT_SECONDS", 0.05)


def losing(*numbers: int) -> Line:
    """Make a line that loses some of its datagrams, told by their number."""
    passing = iter(range(1_000))

    def passed(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        return [] if next(passing) in numbers else straight(datagram)

    return passed


def shapes(datagrams: Iterable[bytes]) -> list[tuple[int, int, int]]:
    """Say of each record what an onlooker sees."""
    return [
        (record.kind, record.epoch, len(record.fragment))
        for datagram in datagrams
        for record in records.parse(datagram, 0)
    ]


async def expects_one_refusal(here: Port) -> str:
    async def refused() -> bool:
        return bool(here.refused)

    await until(refused)
    (refusal,) = here.refused
    return refusal.reason


@pytest.mark.conforms("C-045", "RFC 6347 §4.2.1")
async def test_a_hello_without_cookie_leaves_nothing_behind(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            before = questions.living()
            for number in range(100):
                hello = hellos.body(random=number.to_bytes(32))
                device.say_datagram(hellos.datagram(hello))
            for _ in range(100):
                (record,) = records.parse(await device.hear_datagram(), 0)
                assert record.fragment[0] == messages.HandshakeType.HELLO_VERIFY_REQUEST
            assert here.half_open() == 0
            assert questions.living() == before


@pytest.mark.conforms("C-046", "RFC 6347 §4.2.1")
async def test_a_cookie_from_another_address_gets_a_new_one(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            stolen = device.sent[-1]
            with secured_peer(here.address) as thief:
                thief.say_datagram(stolen)
                (record,) = records.parse(await thief.hear_datagram(), 0)
                assert record.fragment[0] == messages.HandshakeType.HELLO_VERIFY_REQUEST
            assert here.half_open() == 1


async def test_a_repeated_hello_makes_no_second_handshake(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            handshake = await device.knock()
            before = questions.living()
            for _ in range(3):
                device.say_datagram(device.sent[-1])
            assert isinstance(await device.finish(handshake), Established)
            assert questions.living() == before - 1
            assert await device.ask(b"here") == b"here"


async def test_a_hello_that_comes_after_its_handshake_is_nothing_new(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            device.say_datagram(device.sent[1])
            assert await device.hears_nothing()
            assert here.half_open() == 0


async def test_a_device_that_begins_anew_is_one_handshake(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await device.hear_datagram()
            assert isinstance(await device.shake_hands(), Established)
            assert await device.ask(b"here") == b"here"
            assert here.half_open() == 0


@pytest.mark.usefixtures("_hurried")
@pytest.mark.conforms("C-058", "RFC 6347 §4.2.8")
async def test_a_hello_ends_no_association_before_its_handshake_is_done(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            assert await device.ask(b"before") == b"before"
            anew = await device.knock()
            await here.has_half_open(1)
            assert await device.ask(b"meanwhile") == b"meanwhile"
            old = device.seal(b"too late")
            assert isinstance(await device.finish(anew), Established)
            device.say_datagram(old)
            assert await device.ask(b"after") == b"after"
            assert here.messages() == [b"before", b"meanwhile", b"after"]
            first, *_, last = [arrival.peer.origin for arrival in here.heard]
            assert first.association < last.association


@pytest.mark.usefixtures("_hurried")
@pytest.mark.conforms("C-037", "ETS-401", "B-063")
async def test_a_wrong_key_and_an_unknown_identity_look_the_same(
    redis_url: str,
) -> None:
    heard = []
    for credential in (WRONG_KEY, STRANGER):
        async with port(redis_url, Trusting(), limits=BRIEF) as here:
            with secured_peer(here.address) as device:
                handshake = device.begin(credential)
                device.say_flight(handshake)
                async with asyncio.timeout(5):
                    while not here.refused or here.half_open():
                        await device.step(handshake)
                        device.say_flight(handshake)
                assert handshake.give_up() is handshake.result
                heard.append(set(shapes(device.heard)))
                assert device.alerts == []
    assert heard[0] == heard[1]


async def test_a_wrong_key_is_on_the_record_with_its_endpoint(redis_url: str) -> None:
    async with port(redis_url, Trusting(), limits=BRIEF) as here:
        with secured_peer(here.address) as device:
            shaking = asyncio.create_task(device.shake_hands(WRONG_KEY))
            assert await expects_one_refusal(here) == "the keys differ"
            (refusal,) = here.refused
            assert refusal.endpoint_name == "device"
            await here.has_half_open(0)
            shaking.cancel()


@pytest.mark.parametrize("alerting", [True, False], ids=["alert", "silence"])
@pytest.mark.conforms("C-041", "Leshan X509Test")
async def test_a_certificate_that_nobody_trusts_is_refused(
    redis_url: str,
    alerting: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    made = house()
    trust = Trusting(alerts=alerting)
    async with port(redis_url, trust, certified=made.server, limits=BRIEF) as here:
        with secured_peer(here.address) as device:
            shaking = asyncio.create_task(device.shake_hands(made.device))
            assert await expects_one_refusal(here) == "nobody knows it"
            await here.has_half_open(0)
            if alerting:
                assert isinstance(await shaking, Failed)
            assert bool(device.alerts) is alerting
            shaking.cancel()


@pytest.mark.parametrize("alerting", [True, False], ids=["alert", "silence"])
@pytest.mark.conforms("C-041", "Leshan X509Test")
async def test_a_certificate_of_another_authority_is_refused(
    redis_url: str,
    alerting: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    made = house()
    stranger = certificates.authority("Stranger").issue("device")
    trust = Trusting(anchors=[made.authority.der], alerts=alerting)
    async with port(redis_url, trust, certified=made.server, limits=BRIEF) as here:
        with secured_peer(here.address) as device:
            shaking = asyncio.create_task(device.shake_hands(stranger))
            assert await expects_one_refusal(here) != ""
            await here.has_half_open(0)
            if alerting:
                assert isinstance(await shaking, Failed)
            assert bool(device.alerts) is alerting
            shaking.cancel()


@pytest.mark.conforms("C-042", "B-042")
async def test_a_certificate_comes_in_after_its_authority_is_trusted(
    redis_url: str,
) -> None:
    made = house()
    trust = Trusting()
    async with port(redis_url, trust, certified=made.server) as here:
        with secured_peer(here.address) as device:
            assert isinstance(await device.shake_hands(made.device), Failed)
            trust.anchors.append(made.authority.der)
            assert isinstance(await device.shake_hands(made.device), Established)
            assert await device.ask(b"here") == b"here"
            assert here.heard[0].peer.origin.identity.name == "certificate:test"


@pytest.mark.conforms("C-062", "CVE-2022-39368")
async def test_at_the_cap_hellos_are_dropped_and_never_refused(redis_url: str) -> None:
    limits = Limits(half_open=3)
    async with port(redis_url, Trusting(), limits=limits) as here:
        with ExitStack() as stack:
            knocking = [
                stack.enter_context(secured_peer(here.address)) for _ in range(4)
            ]
            for number, device in enumerate(knocking[:3], 1):
                (await device.knock()).close()
                await here.has_half_open(number)
            late = knocking[3]
            handshake = await late.knock()
            assert await late.hears_nothing()
            assert here.half_open() == 3
            knocking[0].say_datagram(records.build(ContentType.ALERT, 0, 9, CLOSE))
            await here.has_half_open(2)
            late.say_datagram(late.sent[-2])
            assert isinstance(await late.finish(handshake), Established)


async def test_one_host_takes_no_more_than_its_share(redis_url: str) -> None:
    limits = Limits(half_open_per_host=1)
    async with port(redis_url, Trusting(), limits=limits) as here:
        with (
            secured_peer(here.address) as first,
            secured_peer(here.address) as second,
            secured_peer(here.address, host="127.0.0.2") as elsewhere,
        ):
            (await first.knock()).close()
            await here.has_half_open(1)
            (await second.knock()).close()
            assert await second.hears_nothing()
            assert isinstance(await elsewhere.shake_hands(), Established)


@pytest.mark.conforms("C-062", "CVE-2022-39368")
async def test_an_alert_gives_the_place_back(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            device.say_datagram(records.build(ContentType.ALERT, 0, 9, CLOSE))
            await here.has_half_open(0)
            assert here.refused == []


@pytest.mark.conforms("C-062", "CVE-2022-39368")
async def test_silence_gives_the_place_back(redis_url: str) -> None:
    before = questions.living()
    async with port(redis_url, Trusting(), limits=Limits(seconds=0.05)) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            await here.has_half_open(0)
    assert questions.living() == before


@pytest.mark.usefixtures("_hurried")
async def test_a_trust_view_that_is_away_gives_the_place_back(redis_url: str) -> None:
    trust = Trusting(away=True)
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            handshake = await device.knock()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not trust.asked:
                    await device.step(handshake)
                    device.say_flight(handshake)
            handshake.close()
            await here.has_half_open(0)
            assert device.alerts == []
            trust.away = False
            assert isinstance(await device.shake_hands(), Established)


@pytest.mark.usefixtures("_hurried")
async def test_a_store_that_is_away_lets_nobody_in_and_gives_the_place_back(
    redis_url: str,
) -> None:
    async with line(redis_url) as (way, url), port(url, Trusting()) as here:
        with secured_peer(here.address) as device:
            handshake = await device.knock()
            await here.has_half_open(1)
            way.cut()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while here.half_open():
                    device.say_flight(handshake)
                    await device.step(handshake)
            handshake.close()
            assert handshake.result is None
            assert here.refused == []
            way.mend()
            assert isinstance(await device.shake_hands(), Established)


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("suites", [SUITES, SUITES[-1:]], ids=["aead", "cbc"])
async def test_a_peer_whose_trust_ends_while_it_shakes_hands_does_not_come_in(
    redis_url: str, suites: Sequence[Suite]
) -> None:
    before = questions.living()
    trust = Trusting()
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            handshake = await device.knock(Offer(suites=suites))
            await device.step(handshake)
            trust.distrusted.add("psk:device")
            device.say_flight(handshake)
            await here.has_half_open(0)
            assert await device.hears_nothing()
            assert here.associations() == []
            assert await here.redis.keys("assoc:*") == []
            handshake.close()
    assert questions.living() == before


async def test_closing_gives_up_what_is_under_way(redis_url: str) -> None:
    before = questions.living()
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            here.transport.stop()
            assert here.half_open() == 0
            assert questions.living() == before


async def test_at_the_end_nothing_begins_and_what_is_under_way_goes_on(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device, secured_peer(here.address) as late:
            handshake = await device.knock()
            await here.has_half_open(1)
            settling = asyncio.create_task(here.transport.settle(seconds=10))
            (await late.knock()).close()
            assert isinstance(await device.finish(handshake), Established)
            await settling
            assert here.half_open() == 0
            device.say(b"still here")
            assert await device.hear() == b"still here"


async def test_at_the_end_nobody_waits_long_for_who_is_silent(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            (await device.knock()).close()
            await here.has_half_open(1)
            await here.transport.settle(seconds=0.05)
            assert here.half_open() == 1


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("offer", [NO_IDS, with_cid(cid=b"mine")])
@pytest.mark.conforms("C-059", "RFC 6347 §4.2.4")
async def test_a_last_flight_that_was_lost_is_sent_again(
    redis_url: str, offer: Offer
) -> None:
    async with port(redis_url, Trusting()) as here:
        # the cookie, our flight, and the last one
        with secured_peer(here.address, inward=losing(2)) as device:
            assert isinstance(await device.shake_hands(KEY, offer), Established)
            assert await device.ask(b"here") == b"here"
            assert len(here.heard) == 1


@pytest.mark.usefixtures("_hurried")
async def test_a_last_flight_of_a_resumed_handshake_that_was_lost_is_sent_again(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address, outward=losing(5)) as device:
            first = await device.shake_hands()
            assert isinstance(first, Established)
            assert first.session is not None
            again = await device.shake_hands(KEY, Offer(session=first.session[1]))
            assert isinstance(again, Established)
            assert again.resumed
            assert await device.ask(b"here") == b"here"


@pytest.mark.usefixtures("_hurried")
@pytest.mark.conforms("C-060", "RFC 6347 §4.2.4")
async def test_a_hundred_handshakes_complete_over_a_line_that_loses(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with ExitStack() as stack:
            lines = [
                (
                    troubled(random.Random(2 * seed)),
                    troubled(random.Random(2 * seed + 1)),
                )
                for seed in range(100)
            ]
            devices = [
                stack.enter_context(
                    secured_peer(here.address, outward=outward, inward=inward)
                )
                for outward, inward in lines
            ]
            offers = [NO_IDS, with_cid(cid=b"mine")]
            results = await asyncio.gather(
                *(
                    device.shake_hands(KEY, offers[number % 2])
                    for number, device in enumerate(devices)
                )
            )
            assert all(isinstance(result, Established) for result in results)


async def test_a_session_is_resumed_at_another_edge(redis_url: str) -> None:
    trust = Trusting()
    async with port(redis_url, trust) as here, port(redis_url, trust) as there:
        with secured_peer(here.address) as device:
            first = await device.shake_hands()
            assert isinstance(first, Established)
            assert first.session is not None
            device.address = there.address
            again = await device.shake_hands(
                KEY, Offer(cid=b"", session=first.session[1])
            )
            assert isinstance(again, Established)
            assert again.resumed
            assert await device.ask(b"there") == b"there"
            assert len(trust.asked) == 1
            assert there.heard[0].peer.origin.identity.name == "psk:device"


@pytest.mark.conforms("C-042", "B-042")
async def test_a_session_of_a_peer_that_is_trusted_no_more_is_not_resumed(
    redis_url: str,
) -> None:
    trust = Trusting()
    async with port(redis_url, trust, limits=BRIEF) as here:
        with secured_peer(here.address) as device:
            first = await device.shake_hands()
            assert isinstance(first, Established)
            assert first.session is not None
            trust.distrusted.add("psk:device")
            offer = Offer(session=first.session[1])
            handshake = await device.knock(offer)
            await device.step(handshake)
            trust.distrusted.clear()
            again = await device.finish(handshake)
            assert isinstance(again, Established)
            assert not again.resumed
            trust.distrusted.add("psk:device")
            del trust.keys[KEY.identity]
            shaking = asyncio.create_task(device.shake_hands(KEY, offer))
            assert await expects_one_refusal(here) == "nobody knows it"
            shaking.cancel()


async def falls_silent(here: Port, device: SecuredPeer) -> None:
    (await device.knock()).close()
    await here.has_half_open(0)


async def says_goodbye(here: Port, device: SecuredPeer) -> None:
    (await device.knock()).close()
    device.say_datagram(records.build(ContentType.ALERT, 0, 9, CLOSE))


async def has_a_wrong_key(_: Port, device: SecuredPeer) -> None:
    await proves_nothing(device, WRONG_KEY)


async def is_unknown(_: Port, device: SecuredPeer) -> None:
    await proves_nothing(device, STRANGER)


async def is_of_another_authority(_: Port, device: SecuredPeer) -> None:
    assert isinstance(await device.shake_hands(OUTSIDER), Failed)


async def proves_nothing(device: SecuredPeer, credential: DeviceKey) -> None:
    """Send a whole flight that proves nothing, and wait no longer."""
    handshake = device.begin(credential)
    for _ in range(2):
        device.say_flight(handshake)
        await device.step(handshake)
    device.say_flight(handshake)
    handshake.close()


@pytest.mark.conforms("C-221", "C-218", "CVE-2022-39368", "CVE-2020-27222")
@pytest.mark.parametrize(
    ("times", "at_once"),
    [(2, 20), pytest.param(50, 200, marks=pytest.mark.soak)],
    ids=["few", "many"],
)
@pytest.mark.parametrize(
    ("fails", "patience"),
    [
        (falls_silent, 0.3),
        (has_a_wrong_key, 0.3),
        (is_unknown, 0.3),
        (says_goodbye, 30),
        (is_of_another_authority, 30),
    ],
)
async def test_however_many_handshakes_fail_there_is_room_for_as_many_as_before(
    redis_url: str,
    fails: Callable[[Port, SecuredPeer], Awaitable[None]],
    patience: float,
    times: int,
    at_once: int,
) -> None:
    made = house()
    trust = Trusting(anchors=[made.authority.der])
    limits = Limits(half_open=at_once, half_open_per_host=at_once, seconds=patience)
    before = questions.living()

    async def fail() -> None:
        with secured_peer(here.address) as device:
            await fails(here, device)

    async with port(redis_url, trust, certified=made.server, limits=limits) as here:
        for _ in range(times):
            await asyncio.gather(*(fail() for _ in range(at_once)))
            await here.has_half_open(0)
        assert questions.living() == before
        for credential in (made.device, KEY) * 2:
            with secured_peer(here.address) as device:
                assert isinstance(await device.shake_hands(credential), Established)


@pytest.mark.conforms("C-220", "CVE-2022-2576")
async def test_a_session_is_looked_up_only_for_a_good_cookie(redis_url: str) -> None:
    trust = Trusting()
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            hello = hellos.body(session_id=b"s" * 32, cookie=b"c" * 32)
            device.say_datagram(hellos.datagram(hello, message=1))
            (record,) = records.parse(await device.hear_datagram(), 0)
            assert record.fragment[0] == messages.HandshakeType.HELLO_VERIFY_REQUEST
            assert here.half_open() == 0


async def test_many_who_knock_at_once_all_come_in(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with ExitStack() as stack:
            devices = [
                stack.enter_context(secured_peer(here.address)) for _ in range(50)
            ]
            await asyncio.gather(*(device.shake_hands() for device in devices))
            answers = await asyncio.gather(*(each.ask(b"here") for each in devices))
            assert answers == [b"here"] * 50
            assert here.half_open() == 0


@pytest.mark.parametrize(
    "credential",
    [KEY, house().device],
    ids=["psk", "certificate"],
)
async def test_nothing_of_openssl_is_left_of_a_handshake(
    redis_url: str, credential: DeviceKey | CertifiedKey
) -> None:
    trust = Trusting(anchors=[house().authority.der])
    before = questions.living()
    async with port(redis_url, trust, certified=house().server) as here:
        with secured_peer(here.address) as device:
            result = await device.shake_hands(credential)
            assert isinstance(result, Established)
            assert isinstance(result.association, Association)
            assert await device.ask(b"here") == b"here"
            assert questions.living() == before


async def test_who_comes_before_the_secrets_of_cookies_waits_for_them(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        gate = here.transport._gate
        kept, gate._cookie_secrets = gate._cookie_secrets, ()
        with secured_peer(here.address) as peer:
            peer.say_flight(peer.begin())

            async def has_come() -> bool:
                return bool(gate._turns)

            await until(has_come)
            gate._cookie_secrets = kept
            gate.go_on()
            (record,) = records.parse(await peer.hear_datagram(), 0)
            assert record.fragment[0] == HandshakeType.HELLO_VERIFY_REQUEST
