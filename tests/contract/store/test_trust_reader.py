"""What edges may ask of the trust view that the directory writes: on every store."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from homeport.errors import Unavailable
from homeport.identity import Identity, Means, Service
from homeport.keyring import Keyring
from homeport.names import DeviceId, EndpointName
from homeport.store import keys
from homeport.store.entries import (
    Claim,
    DeviceEntry,
    Pin,
    RegisteredKey,
    TrustedCertificate,
)
from homeport.store.trust_reader import ChainEntries, TrustReader
from homeport.store.trust_writer import TrustWriter
from tests.support.sessions import ACCOUNT, Edge, edge

pytestmark = pytest.mark.integration

KEYRING = Keyring([bytes(32)])
KEY = RegisteredKey(
    "1", Service.LWM2M, b"who", ACCOUNT, EndpointName("urn:dev:1"), b"secret"
)
CERTIFICATE = TrustedCertificate(
    id="2",
    account=ACCOUNT,
    subject="c" * 64,
    certificate=b"\x30\x00",
    service=Service.BOOTSTRAP,
    enrollment_mode=False,
    proven=True,
    active=True,
)
PIN = Pin("3", ACCOUNT, "f" * 64)
DEVICE = DeviceEntry(DeviceId("d" * 32), ACCOUNT, not_before=1_000)


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


@pytest.fixture
async def writer(store: Edge) -> TrustWriter:
    made = TrustWriter(store.redis, KEYRING)
    await made.put([KEY, CERTIFICATE, PIN, DEVICE])
    return made


@pytest.fixture
def reader(store: Edge) -> TrustReader:
    return TrustReader(store.redis, KEYRING)


async def test_a_key_is_found_by_its_identity_and_service(
    writer: TrustWriter, reader: TrustReader
) -> None:
    asked = [b"who else", b"who"]
    assert await reader.registered_keys(Service.LWM2M, asked) == [None, KEY]
    assert await reader.registered_keys(Service.BOOTSTRAP, asked) == [None, None]


async def test_a_key_that_is_put_again_is_the_new_one(
    writer: TrustWriter, reader: TrustReader
) -> None:
    await writer.put([replace(KEY, key=b"other")])
    (found,) = await reader.registered_keys(Service.LWM2M, [b"who"])
    assert found is not None
    assert found.key == b"other"


async def test_what_the_keyring_cannot_open_cannot_be_read(
    writer: TrustWriter, store: Edge
) -> None:
    await writer.put_authority(b"all of it")
    foreign = TrustReader(store.redis, Keyring([b"x" * 32]))
    with pytest.raises(Unavailable, match="trust view"):
        await foreign.registered_keys(Service.LWM2M, [b"who"])
    with pytest.raises(Unavailable, match="trust view"):
        await foreign.authority()


async def test_a_chain_is_found_by_its_fingerprint_and_by_its_issuers(
    writer: TrustWriter, reader: TrustReader
) -> None:
    other = replace(CERTIFICATE, id="4", account="b" * 32)
    await writer.put([other])
    unknown, known = await reader.chains(
        [("0" * 64, []), (PIN.fingerprint, ["0" * 64, CERTIFICATE.subject])]
    )
    assert unknown == ChainEntries(None, ())
    assert known.pin == PIN
    assert sorted(each.id for each in known.authorities) == ["2", "4"]
    assert other in known.authorities


async def test_an_inactive_certificate_can_be_told_of_but_nobody_rests_on_it(
    writer: TrustWriter, reader: TrustReader
) -> None:
    inactive = replace(CERTIFICATE, active=False)
    await writer.put([inactive])
    (found,) = await reader.chains([("0" * 64, [CERTIFICATE.subject])])
    assert found.authorities == (inactive,)
    assert await reader.stand([peer(CERTIFICATE.name)]) == [False]
    await writer.put([CERTIFICATE])
    assert await reader.stand([peer(CERTIFICATE.name)]) == [True]


async def test_a_new_device_is_introduced_for_a_while_and_a_known_one_stays(
    writer: TrustWriter, reader: TrustReader, store: Edge
) -> None:
    new = DeviceEntry(DeviceId("e" * 32), ACCOUNT, developer="f" * 64)
    await writer.introduce([new, replace(DEVICE, not_before=0)])
    await writer.introduce([])
    assert await reader.devices([new.id, DEVICE.id]) == [new, DEVICE]
    assert await store.redis.ttl(keys.trust(new.name)) > 0
    assert await store.redis.ttl(keys.trust(DEVICE.name)) == -1
    await writer.put([new])
    assert await store.redis.ttl(keys.trust(new.name)) == -1


async def test_a_claim_is_found_by_its_certificate_until_it_expires(
    writer: TrustWriter, reader: TrustReader, store: Edge
) -> None:
    used = Claim("5", ACCOUNT, "a" * 64)
    unused = Claim("6", ACCOUNT, "b" * 64, expires=(time.time_ns() // 10**6) + 60_000)
    late = Claim("7", ACCOUNT, "c" * 64, expires=1)
    await writer.put([used, unused, late])
    asked = [late.fingerprint, unused.fingerprint, used.fingerprint]
    assert await reader.claims(asked) == [None, unused, used]
    assert 0 < await store.redis.ttl(keys.trust(unused.name)) <= 60
    assert await store.redis.ttl(keys.trust(used.name)) == -1
    await writer.remove([used])
    assert await reader.claims([used.fingerprint]) == [None]


async def test_devices_come_in_the_order_asked(
    writer: TrustWriter, reader: TrustReader
) -> None:
    unknown = DeviceId("0" * 32)
    assert await reader.devices([unknown, DEVICE.id]) == [None, DEVICE]


async def test_nothing_asked_is_nothing_answered(reader: TrustReader) -> None:
    assert await reader.registered_keys(Service.LWM2M, []) == []
    assert await reader.chains([]) == []
    assert await reader.devices([]) == []
    assert await reader.stand([]) == []


async def test_what_is_removed_is_gone(
    writer: TrustWriter, reader: TrustReader, store: Edge
) -> None:
    for _ in range(2):
        await writer.remove([KEY, CERTIFICATE, PIN, DEVICE])
    assert await reader.registered_keys(Service.LWM2M, [b"who"]) == [None]
    found = await reader.chains([(PIN.fingerprint, [CERTIFICATE.subject])])
    assert found == [ChainEntries(None, ())]
    assert await reader.devices([DEVICE.id]) == [None]
    assert await reader.stand([peer(CERTIFICATE.name)]) == [False]


async def test_nothing_put_and_nothing_removed_is_nothing_done(
    writer: TrustWriter, reader: TrustReader
) -> None:
    await writer.put([])
    await writer.remove([])
    assert await reader.devices([DEVICE.id]) == [DEVICE]


async def test_the_authority_is_sealed(
    writer: TrustWriter, reader: TrustReader, store: Edge
) -> None:
    assert await reader.authority() is None
    await writer.put_authority(b"all of it")
    assert await reader.authority() == b"all of it"
    assert b"all of it" not in await store.redis.get(keys.trust("authority"))


def peer(*rests_on: str, **changes: object) -> Identity:
    return replace(
        Identity("certificate:2:1", Means.CERTIFICATE, rests_on=rests_on), **changes
    )


def issued(at: int) -> Identity:
    return peer("authority", means=Means.ISSUED, device=DEVICE.id, issued=at)


async def test_identities_stand_on_all_that_they_rest_on(
    writer: TrustWriter, reader: TrustReader
) -> None:
    identities = [
        peer(KEY.name, PIN.name),
        peer(KEY.name, "pin:" + "0" * 64),
        peer(),
    ]
    assert await reader.stand(identities) == [True, False, True]


async def test_a_credential_of_ours_stands_unless_it_is_too_old(
    writer: TrustWriter, reader: TrustReader
) -> None:
    await writer.put_authority(b"")
    identities = [issued(at) for at in (999, 1_000, 1_001)]
    assert await reader.stand(identities) == [False, True, True]


async def test_a_credential_of_ours_falls_with_our_authority(
    writer: TrustWriter, reader: TrustReader
) -> None:
    assert await reader.stand([issued(1_001)]) == [False]


async def test_nobody_stands_for_a_suspended_device(
    writer: TrustWriter, reader: TrustReader
) -> None:
    await writer.put_authority(b"")
    await writer.put([replace(DEVICE, suspended=True)])
    assert await reader.stand([issued(1_001), peer(DEVICE.name)]) == [False, False]


async def test_a_device_without_an_entry_is_not_limited(
    writer: TrustWriter, reader: TrustReader
) -> None:
    await writer.put_authority(b"")
    await writer.remove([DEVICE])
    assert await reader.stand([issued(1), peer(DEVICE.name)]) == [True, True]


async def test_a_foreign_credential_is_not_limited_by_its_age(
    writer: TrustWriter, reader: TrustReader
) -> None:
    assert await reader.stand([peer(DEVICE.name)]) == [True]
