"""Devices are claimed, kept out for a while and let in again, by whoever owns them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from homeport.coap.codec import Code, Message
from homeport.identity import Service
from homeport.pki import keys, pem
from tests.support import customer
from tests.support.certificates import authority
from tests.support.homeport import homeport
from tests.support.polling import until
from tests.support.secured_device import SecuredDevice, secured_device
from tests.support.system import Application, System

pytestmark = pytest.mark.e2e

WHY: Mapping[str, str] = {"category": "maintenance", "description": "a new seal"}


async def change(application: Application, name: str, deed: str) -> None:
    path = f"/v3/devices/{application.device_id(name)}/{deed}"
    answer = await application.api.post(path, json=dict(WHY))
    assert answer.status_code == 204, answer.text


async def test_a_suspended_device_is_kept_out_until_it_is_resumed(
    shared: System, application: Application
) -> None:
    name = "suspended-direct"
    key = customer.new_key(name)
    await customer.register_key(application.api, key)
    with secured_device(shared.secured_lwm2m, name, key) as device:
        await device.come_home()
        await application.until_state(name, "registered")
        await change(application, name, "suspend")
        assert await device.update() == Code.NOT_FOUND
        await application.until_state(name, "deregistered")
        refused = await device.register()
        assert refused.code == Code.FORBIDDEN
        assert refused.payload == b"the device is suspended"
        spared = await device.register("mccv=4.13.2")
        assert spared.code == Code.UNAUTHORIZED
        await change(application, name, "resume")
        assert (await device.register()).code == Code.CREATED
    await application.until_told(
        name, "registrations", "de-registrations", "registrations"
    )


async def test_a_device_with_our_credential_is_cut_off_where_it_is(
    shared: System, application: Application, tmp_path: Path
) -> None:
    factory = authority("Factory of suspended devices")
    await customer.trust_authority(application.api, factory, service=Service.BOOTSTRAP)
    path = tmp_path / "factory.pem"
    path.write_text(
        pem.build(pem.CERTIFICATE, factory.der)
        + pem.build(pem.PRIVATE_KEY, keys.encode(factory.key))
    )
    name = "suspended-000000"

    async def distrusted() -> float:
        counts = await shared.metric(
            "lwm2m", "homeport_dtls_ended_total", reason="distrusted"
        )
        return sum(counts.values())

    fleet = ("simulate", "--ready-file", str(shared.ready_file), "--devices", "1")
    manner = ("--turn", "0.2", "--mix", "update=100", "--prefix", "suspended")
    signed = ("--authority", str(path))
    async with homeport(*fleet, *manner, *signed) as simulated:
        await application.until_state(name, "registered")
        before = await distrusted()
        await change(application, name, "suspend")

        async def cut_off() -> bool:
            return await distrusted() > before

        await until(cut_off, seconds=1)
        await application.until_state(name, "deregistered")
        await simulated.end()


@pytest.mark.conforms("C-034", "B-139")
async def test_a_device_without_account_is_taken_in_by_who_claims_it(
    shared: System, application: Application
) -> None:
    name = "claimed"
    factory = authority("Factory of claimed devices")
    certificate = await customer.trust_authority(
        application.api, factory, service=Service.BOOTSTRAP
    )
    switched = await application.api.put(certificate, json={"enrollment_mode": True})
    assert switched.status_code == 200
    credential = factory.issue(name)
    digest = hashlib.sha256(credential.chain[0]).hexdigest().upper()
    identity = "A-" + ":".join(digest[at : at + 2] for at in range(0, 64, 2))
    with secured_device(shared.secured_bootstrap, name, credential) as device:
        await device.shake_hands()
        refused = await bootstrap(device)
        assert refused.code == Code.FORBIDDEN
        assert refused.payload == b"no account has claimed this device"
        claim = await application.api.post(
            "/v3/device-enrollments", json={"enrollment_identity": identity}
        )
        assert claim.status_code == 201, claim.text
        assert (await bootstrap(device)).code == Code.CHANGED
        await application.until_state(name, "cloud_enrolling")


async def bootstrap(device: SecuredDevice) -> Message:
    return await device.ask(
        Code.POST, ("bs",), queries=(f"ep={device.endpoint_name}", "pct=112")
    )
