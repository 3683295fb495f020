"""A secured port on a real store: devices are heard, move, and leave."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeport.dtls import records, transport
from homeport.dtls.association import CidForm
from homeport.dtls.client import Offer
from homeport.dtls.course import Established
from homeport.dtls.live import name_of
from homeport.dtls.openssl import questions
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import AlertLevel, ContentType
from homeport.dtls.suites import SUITES
from homeport.errors import Unavailable
from homeport.identity import Means
from tests.support.line import line
from tests.support.polling import until
from tests.support.secured import (
    KEY,
    Port,
    SecuredPeer,
    Trusting,
    port,
    secured_peer,
    with_cid,
)

pytestmark = pytest.mark.integration

OFFERS = {
    "without connection ids": Offer(),
    "with RFC 9146": with_cid(CidForm.RFC, b"sixsix"),
    "with the draft": with_cid(CidForm.DRAFT),
}
WITH_IDS = [pytest.param(OFFERS[name], id=name) for name in list(OFFERS)[1:]]
EVERY = [pytest.param(offer, id=name) for name, offer in OFFERS.items()]
CBC = Offer(suites=SUITES[-1:])
CLOSE_NOTIFY = records.alert(AlertLevel.WARNING, 0)
ACCESS_DENIED = records.alert(AlertLevel.FATAL, 49)
NO_RENEGOTIATION = records.alert(AlertLevel.WARNING, 100)
IN_MEMORY = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def forgets(here: Port) -> None:
    """Wait until a port has nothing in memory."""

    async def nothing() -> bool:
        return not here.associations()

    await until(nothing)


async def is_gone(device: SecuredPeer, here: Port) -> None:
    """Hear that an association is gone, from memory and from the store."""
    assert here.associations() == []
    heard = len(here.heard)
    device.say(b"still there?")
    assert await device.hears_nothing()
    assert len(here.heard) == heard


@pytest.mark.parametrize("offer", EVERY)
async def test_a_device_is_heard_and_answered(redis_url: str, offer: Offer) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            assert isinstance(await device.shake_hands(KEY, offer), Established)
            assert await device.ask(b"one") == b"one"
            assert await device.ask(b"two") == b"two"
            origin = here.heard[0].peer.origin
            assert origin.identity.name == "psk:device"
            assert [each.sequence for each in here.heard] == [1, 2]


async def test_records_of_one_datagram_are_heard_in_order(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            device.say_datagram(device.seal(b"one") + device.seal(b"two"))
            assert [await device.hear(), await device.hear()] == [b"one", b"two"]


@pytest.mark.parametrize("offer", WITH_IDS)
@pytest.mark.conforms("C-051", "RFC 9146")
async def test_a_new_address_before_every_message_changes_nothing(
    redis_url: str, offer: Offer
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            for number in range(20):
                device.rebind()
                assert await device.ask(b"%d" % number) == b"%d" % number
            addresses = {arrival.peer.origin.peer for arrival in here.heard}
            assert len(addresses) == 1


@pytest.mark.conforms("C-057", "RFC 9146 §6", "B-221")
async def test_an_older_record_from_elsewhere_moves_nobody(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device, secured_peer(here.address) as other:
            await device.shake_hands(KEY, with_cid())
            older = device.seal(b"older")
            assert await device.ask(b"newer") == b"newer"
            other.say_datagram(older)
            assert await device.hear() == b"older"


async def test_a_forged_record_from_elsewhere_moves_nobody(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device, secured_peer(here.address) as other:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"one") == b"one"
            forged = bytearray(device.seal(b"two"))
            forged[-1] ^= 1
            other.say_datagram(bytes(forged))
            assert await other.hears_nothing()
            assert await device.ask(b"three") == b"three"
            assert here.messages() == [b"one", b"three"]


@pytest.mark.conforms("C-053", "TLS-36")
async def test_without_a_connection_id_another_address_is_nobody(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            assert await device.ask(b"here") == b"here"
            device.rebind()
            device.say(b"there")
            assert await device.hears_nothing()
            assert here.messages() == [b"here"]


@pytest.mark.parametrize("offer", EVERY)
@pytest.mark.conforms("C-056", "RFC 6347 §4.1.2.6")
async def test_a_replayed_record_is_silence(redis_url: str, offer: Offer) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            recorded = device.say(b"recorded")
            await device.hear()
            device.say_datagram(recorded)
            assert await device.hears_nothing()
            assert await device.ask(b"newer") == b"newer"
            device.say_datagram(recorded)
            assert await device.hears_nothing()
            assert here.messages() == [b"recorded", b"newer"]


async def test_a_renegotiation_is_refused_and_changes_nothing(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            device.say_datagram(device.seal(b"\x01" + bytes(50), ContentType.HANDSHAKE))
            assert await device.hear_record() == (ContentType.ALERT, NO_RENEGOTIATION)
            assert await device.ask(b"after") == b"after"


@pytest.mark.parametrize(
    "alert",
    [CLOSE_NOTIFY, records.alert(AlertLevel.FATAL, 0), ACCESS_DENIED],
)
async def test_a_device_that_leaves_is_gone_everywhere(
    redis_url: str, alert: bytes
) -> None:
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"here") == b"here"
            device.say_datagram(device.seal(alert, ContentType.ALERT))
            await forgets(here)
            await is_gone(device, here)
            assert here.left == [here.heard[0].peer]
            device.address = there.address
            await is_gone(device, there)


async def test_a_warning_ends_nothing(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            device.say_datagram(device.seal(NO_RENEGOTIATION, ContentType.ALERT))
            assert await device.ask(b"here") == b"here"


async def test_a_credential_of_ours_that_has_expired_hears_that_it_has(
    redis_url: str,
) -> None:
    trust = Trusting(means=Means.ISSUED, expires=2**50)
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            here.associations()[0].expires = 0.0
            device.say(b"after")
            assert await device.hear_record() == (ContentType.ALERT, ACCESS_DENIED)
            await is_gone(device, here)


async def test_another_credential_that_has_expired_is_silence(redis_url: str) -> None:
    async with port(redis_url, Trusting(expires=2**50)) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            here.associations()[0].expires = 0.0
            device.say(b"after")
            assert await device.hears_nothing()
            await is_gone(device, here)


@pytest.mark.parametrize("means", [Means.ISSUED, Means.SHARED_KEY])
async def test_a_peer_that_is_trusted_no_more_ends_in_silence(
    redis_url: str, means: Means
) -> None:
    trust = Trusting(means=means)
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            trust.distrusted.add("psk:device")
            await here.transport.distrust({"psk:lwm2m:device"})
            device.say(b"after")
            assert await device.hears_nothing()
            trust.distrusted.clear()
            await is_gone(device, here)


@pytest.mark.parametrize("names", [{"psk:lwm2m:device"}, {"psk:lwm2m:other"}, None])
async def test_a_peer_that_is_still_trusted_does_not_notice_a_change(
    redis_url: str, names: set[str] | None
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            await here.transport.distrust(names)
            assert await device.ask(b"after") == b"after"
            assert here.transport.reach(here.associations()[0])
            first, last = here.generations
            assert first == last


async def test_who_is_trusted_no_more_is_not_reached_even_if_it_was_idle(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SWEEP_SECONDS", 0.01)
    trust = Trusting()
    async with port(redis_url, trust, idle=0.2) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            await forgets(here)
            idle = here.heard[0].peer
            trust.distrusted.add("psk:device")
            await here.transport.distrust({"psk:lwm2m:device"})
            assert not here.transport.reach(idle)


async def test_who_cannot_be_asked_about_is_taken_over_anew(redis_url: str) -> None:
    trust = Trusting()
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            trust.away = True
            with pytest.raises(Unavailable):
                await here.transport.distrust(None)
            assert here.associations() == []
            trust.away = False
            assert await device.ask(b"after") == b"after"
            first, last = here.generations
            assert last > first


async def test_a_suite_without_aead_works_and_stays_in_memory(redis_url: str) -> None:
    before = questions.living()
    async with (
        port(redis_url, Trusting()) as here,
        port(redis_url, Trusting()) as there,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, CBC)
            assert isinstance(device.association, OpenSslAssociation)
            assert await device.ask(b"here") == b"here"
            device.address = there.address
            device.say(b"there")
            assert await device.hears_nothing()
            device.address = here.address
            here.transport.taken_over([name_of(here.heard[0].peer.place)])
            here.transport.release(here.heard[0].peer)
            assert await device.ask(b"and back") == b"and back"
        (live,) = here.associations()
        await here.transport.drain()
    assert live.origin.generation == 1
    assert questions.living() == before


async def test_a_suite_without_aead_ends_with_its_trust(redis_url: str) -> None:
    trust = Trusting()
    async with port(redis_url, trust) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, CBC)
            assert await device.ask(b"before") == b"before"
            await here.transport.distrust(None)
            assert await device.ask(b"still") == b"still"
            trust.distrusted.add("psk:device")
            await here.transport.distrust(None)
            assert here.associations() == []
            device.say(b"after")
            assert await device.hears_nothing()


async def test_a_device_that_begins_anew_replaces_a_suite_without_aead(
    redis_url: str,
) -> None:
    before = questions.living()
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            for number in range(3):
                await device.shake_hands(KEY, CBC)
                assert await device.ask(b"%d" % number) == b"%d" % number
                device.association.close()
            (live,) = here.associations()
            assert questions.living() == before + 1
            live.records.close()


@pytest.mark.parametrize("offer", EVERY)
@pytest.mark.parametrize("limit", [{"idle": 0.01}, {"most": 0}], ids=["idle", "most"])
async def test_an_association_that_left_memory_comes_back_with_its_next_record(
    redis_url: str,
    offer: Offer,
    limit: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "SWEEP_SECONDS", 0.01)
    async with port(redis_url, Trusting(), **limit) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            for number in range(3):
                recorded = device.say(b"%d" % number)
                assert await device.hear() == b"%d" % number
                await forgets(here)
            device.say_datagram(recorded)
            assert await device.hears_nothing()
            first, *later = here.generations
            assert first < later[0] < later[1]


@pytest.mark.parametrize("offer", EVERY)
async def test_who_has_only_been_idle_is_reached_as_before(
    redis_url: str, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SWEEP_SECONDS", 0.01)
    async with port(redis_url, Trusting(), idle=0.2) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            assert await device.ask(b"one") == b"one"
            await forgets(here)
            idle = here.heard[0].peer
            assert here.transport.reach(idle)
            assert here.transport.reach(idle)
            here.transport.send([(b"asked", idle)])
            assert await device.hear() == b"asked"
            assert await device.ask(b"answered") == b"answered"
            assert [each.peer for each in here.heard] == [idle, idle]


async def test_who_has_given_way_to_another_is_not_reached_if_it_was_idle(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SWEEP_SECONDS", 0.01)
    async with port(redis_url, Trusting(), idle=0.2) as here:
        with secured_peer(here.address) as device:
            for message in (b"old", b"new"):
                await device.shake_hands()
                assert await device.ask(message) == message
                await forgets(here)
            old, new = (each.peer for each in here.heard)
            assert not here.transport.reach(old)
            assert here.transport.reach(new)


async def test_who_is_with_another_edge_is_not_reached(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"one") == b"one"
            (live,) = here.associations()
            here.transport.release(live)
            assert not here.transport.reach(live)


async def test_a_store_that_is_away_costs_no_association_in_memory(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SWEEP_SECONDS", 0.01)
    async with (
        line(redis_url) as (way, url),
        port(url, Trusting(), most=1) as here,
    ):
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            way.cut()
            assert await device.ask(b"meanwhile") == b"meanwhile"
            way.mend()
            assert await device.ask(b"after") == b"after"


async def test_a_port_that_drains_writes_down_how_far_it_came(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            recorded = [device.say(b"%d" % number) for number in range(3)]
            assert [await device.hear() for _ in recorded] == [b"0", b"1", b"2"]
            await here.transport.drain()
            async with port(redis_url, Trusting()) as there:
                device.address = there.address
                for datagram in recorded:
                    device.say_datagram(datagram)
                assert await device.hears_nothing()
                assert await device.ask(b"there") == b"there"


@IN_MEMORY
@given(datagrams=st.lists(st.binary(max_size=200), max_size=20))
async def test_garbage_is_silence(redis_url: str, datagrams: list[bytes]) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            for datagram in datagrams:
                device.say_datagram(datagram)
            assert await device.hears_nothing()
            assert here.half_open() == 0


@IN_MEMORY
@given(
    kind=st.sampled_from(ContentType),
    epoch=st.integers(0, 2),
    sequence=st.integers(0, 2**48 - 1),
    fragment=st.binary(min_size=1, max_size=100),
)
async def test_a_made_up_record_is_silence(
    redis_url: str, kind: ContentType, epoch: int, sequence: int, fragment: bytes
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands()
            assert await device.ask(b"before") == b"before"
            if kind is ContentType.CID:
                fragment = bytes(8) + len(fragment).to_bytes(2, "big") + fragment
            device.say_datagram(records.build(kind, epoch, sequence, fragment))
            assert await device.ask(b"after") == b"after"
            assert here.messages() == [b"before", b"after"]


@IN_MEMORY
@given(offer=st.sampled_from(list(OFFERS.values())), flip=st.integers(0))
@pytest.mark.conforms("C-056", "RFC 6347 §4.1.2.6")
async def test_a_flipped_bit_is_silence_and_costs_nothing(
    redis_url: str, offer: Offer, flip: int
) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, offer)
            assert await device.ask(b"before") == b"before"
            record = bytearray(device.seal(b"flipped"))
            flip %= 8 * len(record)
            record[flip // 8] ^= 1 << flip % 8
            device.say_datagram(bytes(record))
            assert await device.ask(b"after") == b"after"
            assert b"flipped" not in here.messages()
