"""The lwm2m edge behind its secured ports: who may register, and as what."""

from collections.abc import Sequence

import pytest

from homeport import names
from homeport.coap.codec import Code
from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey
from homeport.events.facts import FactName
from tests.support.edges import address
from tests.support.secured_edges import (
    ACCOUNT,
    CREDENTIALS,
    FACTORY,
    IZUMA,
    KETTLE,
    KEY,
    LAMP,
    OTHER_KEY,
    Site,
    issued,
)
from tests.support.secured_peer import secured_peer

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("credential", CREDENTIALS)
async def test_a_device_registers_updates_and_leaves(
    site: Site, credential: DeviceKey | CertifiedKey
) -> None:
    async with site.edge() as url, site.device(url, credential) as device:
        created = await device.register()
        assert created.code == Code.CREATED
        assert (await device.update(created.location)).code == Code.CHANGED
        device.peer.rebind()
        assert (await device.update(created.location)).code == Code.CHANGED
        left = await device.ask(Code.DELETE, created.location)
        assert left.code == Code.DELETED
        found = await site.facts(4)
    assert [fact.name for fact in found] == [
        FactName.DEVICE_REGISTERED,
        FactName.REGISTRATION_UPDATED,
        FactName.REGISTRATION_UPDATED,
        FactName.DEVICE_DEREGISTERED,
    ]
    assert {fact.endpoint_name for fact in found} == {KETTLE}
    assert {fact.device_id for fact in found} == {names.device_id(ACCOUNT, KETTLE)}


@pytest.mark.parametrize(
    ("credential", "queries", "code"),
    [
        pytest.param(KEY, ("lwm2m=1.1",), Code.FORBIDDEN, id="psk"),
        pytest.param(KEY, IZUMA, Code.UNAUTHORIZED, id="izuma-psk"),
        pytest.param(FACTORY.issue(KETTLE), IZUMA, Code.UNAUTHORIZED, id="factory"),
        pytest.param(issued(), ("lwm2m=1.1",), Code.FORBIDDEN, id="issued"),
        pytest.param(issued(), IZUMA, Code.FORBIDDEN, id="izuma-issued"),
    ],
)
@pytest.mark.conforms("C-039", "C-040", "Leshan PskTest", "Leshan X509Test", "B-045")
async def test_the_name_of_another_device_is_refused(
    site: Site,
    credential: DeviceKey | CertifiedKey,
    queries: Sequence[str],
    code: Code,
) -> None:
    async with (
        site.edge() as url,
        site.device(url, credential, queries=queries) as device,
    ):
        refused = await device.register(f"ep={LAMP}")
        assert refused.code == code
        fact = await site.refused()
    assert (fact.account_id, fact.endpoint_name) == (ACCOUNT, KETTLE)
    assert "ep" in fact.reason


async def test_another_account_than_the_credentials_is_refused(site: Site) -> None:
    async with site.edge() as url, site.device(url) as device:
        assert (await device.register(f"aid={'b' * 32}")).code == Code.FORBIDDEN
        assert (await device.register(f"aid={ACCOUNT}")).code == Code.CREATED


async def test_a_name_belongs_to_the_credential_that_registered_it(
    site: Site,
) -> None:
    async with site.edge() as url:
        async with site.device(url) as device:
            first = await device.register()
            assert first.code == Code.CREATED
        async with site.device(url, FACTORY.issue(KETTLE)) as other:
            refused = await other.register()
            assert refused.code == Code.FORBIDDEN
            assert refused.payload == b"the endpoint name belongs to another credential"
            fact = await site.refused(2)
            assert fact.reason == refused.payload.decode()
            assert (await other.update(first.location)).code == Code.NOT_FOUND


async def test_where_that_is_allowed_another_credential_replaces_it(
    site: Site,
) -> None:
    async with site.edge(lwm2m_identity_may_change=True) as url:
        for credential in (KEY, FACTORY.issue(KETTLE)):
            async with site.device(url, credential) as device:
                assert (await device.register()).code == Code.CREATED


async def test_another_device_can_not_touch_a_registration(site: Site) -> None:
    async with (
        site.edge() as url,
        site.device(url) as device,
        site.device(url, OTHER_KEY) as other,
    ):
        location = (await device.register()).location
        assert (await other.update(location)).code == Code.NOT_FOUND
        answer = await other.ask(Code.DELETE, location)
        assert answer.code == Code.NOT_FOUND
        assert (await device.update(location)).code == Code.CHANGED


async def test_without_direct_registration_a_factory_credential_opens_nothing(
    site: Site,
) -> None:
    async with site.edge(direct_registration=False, handshake_seconds=0.2) as url:
        with secured_peer(address(url)) as peer:
            handshake = peer.begin(KEY)
            peer.say_flight(handshake)
            await peer.step(handshake)
            peer.say_flight(handshake)
            await peer.step(handshake)
            peer.say_flight(handshake)
            fact = await site.refused()
            handshake.close()
        assert fact.reason == "direct registration is off"
        async with site.device(url, issued()) as device:
            assert (await device.register()).code == Code.CREATED
