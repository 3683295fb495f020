"""An edge that has something to say to a device takes its association over."""

import pytest

from homeport.dtls import records
from homeport.dtls.client import Offer
from homeport.dtls.records import ContentType
from tests.support.offers import EVERY
from tests.support.polling import until
from tests.support.secured import Trusting, port, trace_of
from tests.support.secured_peer import KEY, secured_peer, with_cid

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("offer", EVERY)
@pytest.mark.conforms("C-055")
async def test_another_edge_may_be_the_first_who_speaks(
    redis_url: str, offer: Offer
) -> None:
    async with port(redis_url, Trusting()) as there:
        with secured_peer(there.address) as device:
            async with port(redis_url, Trusting()) as here:
                device.address = here.address
                await device.shake_hands(KEY, offer)
                assert await device.ask(b"here") == b"here"
                (live,) = here.associations()
                trace = trace_of(live, sequence=here.heard[-1].sequence)
            found = await there.transport.recall(trace)
            assert found is not None
            assert await there.transport.recall(trace) is found
            there.transport.send([(b"hello", found)])
            assert await device.hear() == b"hello"
            device.address = there.address
            assert await device.ask(b"there") == b"there"
            assert there.generations == [2]
            assert there.associations() == [found]


async def test_a_record_that_was_not_known_of_gives_reason_for_another_generation(
    redis_url: str,
) -> None:
    async with port(redis_url, Trusting()) as there:
        with secured_peer(there.address) as device:
            async with port(redis_url, Trusting()) as here:
                device.address = here.address
                await device.shake_hands(KEY, with_cid())
                for message in (b"one", b"two"):
                    assert await device.ask(message) == message
                (live,) = here.associations()
            assert await there.transport.recall(trace_of(live))
            device.address = there.address
            assert await device.ask(b"there") == b"there"
            assert there.generations == [3]


async def test_who_is_trusted_no_more_or_has_left_is_not_spoken_to(
    redis_url: str,
) -> None:
    trust = Trusting()
    async with port(redis_url, Trusting()) as here, port(redis_url, trust) as there:
        with secured_peer(here.address) as device:
            await device.shake_hands(KEY, with_cid())
            assert await device.ask(b"here") == b"here"
            trace = trace_of(here.associations()[0], sequence=here.heard[-1].sequence)
            trust.distrusted.add("psk:device")
            assert await there.transport.recall(trace) is None
            trust.distrusted.clear()
            goodbye = records.alert(records.AlertLevel.WARNING, 0)
            device.say_datagram(device.seal(goodbye, ContentType.ALERT))

            async def gone() -> bool:
                return await there.transport.recall(trace) is None

            await until(gone)
