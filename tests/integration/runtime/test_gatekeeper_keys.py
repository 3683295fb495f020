"""Who a key makes its holder: one that was registered, or one of ours."""

from dataclasses import replace

import pytest

from homeport.dtls.credentials import SharedKey
from homeport.identity import Means, Service
from homeport.keyring import Keyring
from homeport.pki import psk
from homeport.store.entries import DeviceEntry
from tests.support.gatekeeper import (
    DAYS,
    DEVICE,
    KETTLE,
    KEY,
    NOW_MS,
    OURS,
    Door,
    issued_key,
)

pytestmark = pytest.mark.integration


async def test_a_registered_key_opens_the_service_that_it_is_for(
    lwm2m: Door, bootstrap: Door
) -> None:
    await lwm2m.writer.put([KEY])
    admission = await lwm2m.admitted(SharedKey(b"who"))
    assert admission.key == b"secret"
    identity = admission.identity
    assert (identity.means, identity.account) == (Means.SHARED_KEY, OURS)
    assert identity.endpoint_name == KETTLE
    assert identity.rests_on == (KEY.name,)
    assert " " not in identity.name
    assert (await bootstrap.refused(SharedKey(b"who"))).account is None


async def test_a_key_for_bootstrap_opens_bootstrap(bootstrap: Door) -> None:
    await bootstrap.writer.put([replace(KEY, service=Service.BOOTSTRAP)])
    assert (await bootstrap.admitted(SharedKey(b"who"))).key == b"secret"


async def test_an_identity_that_nobody_registered_is_unknown(either: Door) -> None:
    refusal = await either.refused(SharedKey(b"who"))
    assert refusal.reason == "the PSK identity is unknown"
    assert refusal.endpoint_name == "who"
    assert refusal.account is None


async def test_a_long_identity_is_on_the_record_as_far_as_a_name_goes(
    either: Door,
) -> None:
    refusal = await either.refused(SharedKey(b"x" * 128))
    assert refusal.endpoint_name == "x" * 64


async def test_an_unknown_identity_and_a_known_one_may_hear_the_same(
    either: Door,
) -> None:
    await either.writer.put([replace(KEY, service=either.service)])
    known = await either.admitted(SharedKey(b"who"))
    unknown = await either.refused(SharedKey(b"who else"))
    assert known.alerts == unknown.alerts


async def test_a_key_for_direct_use_opens_nothing_where_that_is_off(
    indirect: Door,
) -> None:
    await indirect.writer.put([KEY])
    refusal = await indirect.refused(SharedKey(b"who"))
    assert refusal.reason == "direct registration is off"
    assert (refusal.account, refusal.endpoint_name) == (OURS, KETTLE)


async def test_a_key_of_ours_names_device_and_account(lwm2m: Door) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS)])
    made = issued_key()
    admission = await lwm2m.admitted(SharedKey(made.identity))
    assert admission.key == made.key
    identity = admission.identity
    assert identity.name == f"issued:{DEVICE}"
    assert (identity.means, identity.account) == (Means.ISSUED, OURS)
    assert identity.device == DEVICE
    assert identity.issued == NOW_MS - 1000
    assert identity.expires == NOW_MS - 1000 + DAYS * 86_400_000
    assert identity.rests_on == (f"device:{DEVICE}",)


async def test_a_key_of_ours_works_in_indirect_mode_too(indirect: Door) -> None:
    await indirect.writer.put([DeviceEntry(DEVICE, OURS)])
    await indirect.admitted(SharedKey(issued_key().identity))


async def test_a_registered_key_comes_before_one_of_ours_that_looks_like_it(
    lwm2m: Door,
) -> None:
    made = issued_key()
    await lwm2m.writer.put(
        [DeviceEntry(DEVICE, OURS), replace(KEY, identity=made.identity)]
    )
    assert (await lwm2m.admitted(SharedKey(made.identity))).key == b"secret"


async def test_a_key_of_ours_opens_no_bootstrap(bootstrap: Door) -> None:
    await bootstrap.writer.put([DeviceEntry(DEVICE, OURS)])
    await bootstrap.refused(SharedKey(issued_key().identity))


async def test_a_key_of_a_device_that_nobody_knows_is_unknown(lwm2m: Door) -> None:
    refusal = await lwm2m.refused(SharedKey(issued_key().identity))
    assert refusal.reason == "the PSK identity is unknown"


async def test_an_identity_that_only_looks_like_ours_is_unknown(lwm2m: Door) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS)])
    forged = psk.issue(Keyring([b"x" * 32]), account=OURS, device=DEVICE, now_ms=NOW_MS)
    refusal = await lwm2m.refused(SharedKey(forged.identity))
    assert refusal.reason == "the PSK identity is unknown"


async def test_a_key_of_ours_expires(lwm2m: Door) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS)])
    old = issued_key(now_ms=NOW_MS - DAYS * 86_400_000)
    refusal = await lwm2m.refused(SharedKey(old.identity))
    assert refusal.reason == "the credential has expired"
    younger = issued_key(now_ms=NOW_MS - DAYS * 86_400_000 + 1)
    await lwm2m.admitted(SharedKey(younger.identity))
