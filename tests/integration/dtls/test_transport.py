"""A secured port on a real store: devices are heard, move, and leave."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeport.dtls import records
from homeport.dtls.client import Offer
from homeport.dtls.course import Established
from homeport.dtls.live import name_of
from homeport.dtls.openssl import questions
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import AlertLevel, ContentType
from homeport.identity import Means
from tests.support.offers import CBC, EVERY, OFFERS, WITH_IDS
from tests.support.secured import Trusting, port
from tests.support.secured_peer import KEY, secured_peer, with_cid

pytestmark = pytest.mark.integration

CLOSE_NOTIFY = records.alert(AlertLevel.WARNING, 0)
ACCESS_DENIED = records.alert(AlertLevel.FATAL, 49)
NO_RENEGOTIATION = records.alert(AlertLevel.WARNING, 100)
IN_MEMORY = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


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
            await here.forgets()
            await here.has_lost(device)
            assert here.left == [here.heard[0].peer]
            device.address = there.address
            await there.has_lost(device)


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
            await here.has_lost(device)


async def test_another_credential_that_has_expired_is_silence(redis_url: str) -> None:
    async with port(redis_url, Trusting(expires=2**50)) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"before") == b"before"
            here.associations()[0].expires = 0.0
            device.say(b"after")
            assert await device.hears_nothing()
            await here.has_lost(device)


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


async def test_who_is_with_another_edge_is_not_reached(redis_url: str) -> None:
    async with port(redis_url, Trusting()) as here:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"one") == b"one"
            (live,) = here.associations()
            here.transport.release(live)
            assert not here.transport.reach(live)


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
