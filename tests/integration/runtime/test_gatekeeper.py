"""Who a credential makes its holder, by what the directory has written."""

from dataclasses import replace

import pytest

from homeport.dtls.credentials import Admission, Chain, Credential, SharedKey
from homeport.errors import Unavailable
from homeport.identity import Identity, Means, Service
from homeport.keyring import Keyring
from homeport.store.entries import DeviceEntry
from tests.support.gatekeeper import (
    DEVICE,
    KEY,
    NOW_MS,
    OURS,
    Door,
    door,
    issued,
    issued_key,
    leaf,
)

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("document", [b"", b"\x30\x00", b"nonsense"])
async def test_what_is_no_certificate_is_refused_in_silence(
    either: Door, document: bytes
) -> None:
    refusal = await either.refused(Chain((document,)))
    assert refusal.reason == "the certificate can not be read"
    assert not refusal.alerts


async def test_a_chain_that_is_too_long_is_refused(either: Door) -> None:
    (certificate,) = leaf().certificates
    await either.refused(Chain((certificate,) * 5))


async def test_a_batch_is_answered_in_its_order(lwm2m: Door) -> None:
    await lwm2m.writer.put([KEY, DeviceEntry(DEVICE, OURS)])
    await lwm2m.trusts()
    asked: list[Credential] = [
        leaf(),
        SharedKey(issued_key().identity),
        Chain((b"nonsense",)),
        SharedKey(b"who else"),
        issued(),
        SharedKey(b"who"),
    ]
    decisions = await lwm2m.gatekeeper.admit(asked)
    assert [
        decision.identity.means if isinstance(decision, Admission) else None
        for decision in decisions
    ] == [
        Means.CERTIFICATE,
        Means.ISSUED,
        None,
        None,
        Means.ISSUED,
        Means.SHARED_KEY,
    ]
    assert await lwm2m.gatekeeper.admit([]) == []


async def test_who_rests_on_what_is_there_is_trusted(lwm2m: Door) -> None:
    await lwm2m.writer.put([KEY])
    identity = (await lwm2m.admitted(SharedKey(b"who"))).identity
    assert await lwm2m.gatekeeper.trusted([identity]) == [True]
    await lwm2m.writer.remove([KEY])
    assert await lwm2m.gatekeeper.trusted([identity]) == [False]


async def test_who_has_expired_is_trusted_no_more(lwm2m: Door) -> None:
    expired = Identity("issued:1", Means.ISSUED, expires=NOW_MS)
    still = replace(expired, expires=NOW_MS + 1)
    ever = replace(expired, expires=0)
    assert await lwm2m.gatekeeper.trusted([expired, still, ever]) == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "entry",
    [
        DeviceEntry(DEVICE, OURS, suspended=True),
        DeviceEntry(DEVICE, OURS, not_before=NOW_MS + 1),
    ],
)
async def test_a_device_that_is_limited_is_trusted_no_more(
    lwm2m: Door, entry: DeviceEntry
) -> None:
    identity = (await lwm2m.admitted(issued())).identity
    assert await lwm2m.gatekeeper.trusted([identity]) == [True]
    await lwm2m.writer.put([entry])
    assert await lwm2m.gatekeeper.trusted([identity]) == [False]
    assert entry.name in identity.rests_on


async def test_what_another_secret_has_sealed_opens_nothing(redis_url: str) -> None:
    foreign = Keyring([b"x" * 32])
    async with door(redis_url, Service.LWM2M, keyring=foreign) as opened:
        await opened.writer.put([KEY])
        with pytest.raises(Unavailable):
            await opened.admit(SharedKey(b"who"))
