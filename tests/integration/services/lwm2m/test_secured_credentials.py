"""What ends with a credential, and what goes on with a new one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from homeport import names
from homeport.coap.codec import Code
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Failed
from homeport.events.facts import FactName, RegistrationRefused
from homeport.pki import installation, keys
from homeport.pki.authorities import create_issuer
from homeport.pki.subjects import Subject
from homeport.store.entries import DeviceEntry
from services.lwm2m import enrolling
from tests.support import trust
from tests.support.bootstrap import signing_request
from tests.support.polling import until
from tests.support.secured_edges import (
    ACCOUNT,
    FACTORY,
    KETTLE,
    KEY,
    NEXT,
    NOW,
    OTHER_KEY,
    Site,
    issued,
    key_of,
)

pytestmark = pytest.mark.integration


@pytest.mark.conforms("C-095", "B-165 .. B-168")
async def test_a_device_that_is_suspended_hears_nothing_and_keeps_its_credentials(
    site: Site,
) -> None:
    suspended = DeviceEntry(names.device_id(ACCOUNT, KETTLE), ACCOUNT, suspended=True)
    async with (
        trust.writer(site.redis_url) as writer,
        site.edge() as url,
        site.device(url, issued()) as device,
    ):
        location = (await device.register()).location
        await writer.put([suspended])

        async def silent() -> bool:
            device.peer.say(device.request(Code.POST, location))
            return await device.peer.hears_nothing()

        await until(silent)
        assert device.peer.alerts == []


@pytest.mark.conforms("B-159")
async def test_a_device_keeps_its_certificate_when_the_issuer_is_replaced(
    site: Site,
) -> None:
    former, new = trust.issuer().certificate, create_issuer("New issuer", now=NOW)
    renewed = replace(trust.ours(), issuer=new.export(), former_issuers=(former.der,))
    withdrawn = replace(renewed, former_issuers=(), withdrawn=(former.subject_digest,))
    async with trust.writer(site.redis_url) as writer:
        await writer.put_authority(installation.build(renewed))
        async with site.edge() as url:
            async with site.device(url, issued()) as device:
                location = (await device.register()).location
                await writer.put_authority(installation.build(withdrawn))

                async def silent() -> bool:
                    device.peer.say(device.request(Code.POST, location))
                    return await device.peer.hears_nothing()

                await until(silent)
                assert isinstance(await device.peer.shake_hands(issued()), Failed)
                assert device.peer.alerts
            async with site.device(url, issued(by=new)) as device:
                assert (await device.update(location)).code == Code.CHANGED
            found = await site.facts(3)
        refused = next(each for each in found if isinstance(each, RegistrationRefused))
        assert refused.reason == "its issuer has been withdrawn"


@pytest.mark.conforms("C-244", "B-145")
async def test_after_a_change_of_ownership_only_the_new_credential_is_good(
    site: Site,
) -> None:
    old, late = names.device_id(ACCOUNT, KETTLE), NOW + timedelta(minutes=1)
    ended = DeviceEntry(old, ACCOUNT, not_before=int(late.timestamp() * 1000))
    async with trust.writer(site.redis_url) as writer, site.edge() as url:
        former = issued()
        async with site.device(url, former) as device:
            location = (await device.register()).location
            await writer.put([ended])

            async def silent() -> bool:
                device.peer.say(device.request(Code.POST, location))
                return await device.peer.hears_nothing()

            await until(silent)
            assert isinstance(await device.peer.shake_hands(former), Failed)
        async with site.device(url, issued(account=NEXT)) as device:
            assert (await device.register()).code == Code.CREATED
            assert (await device.update(location)).code == Code.NOT_FOUND
        registered = await site.registered(2)
    assert [fact.account_id for fact in registered] == [ACCOUNT, NEXT]
    assert len({fact.device_id for fact in registered}) == 2


@pytest.mark.conforms("C-038", "Leshan PskTest")
async def test_a_registration_ends_with_its_key(site: Site) -> None:
    async with (
        trust.writer(site.redis_url) as writer,
        site.edge() as url,
        site.device(url) as device,
        site.device(url, OTHER_KEY) as other,
    ):
        location = (await device.register()).location
        stays = (await other.register()).location
        await writer.remove([key_of(KETTLE, KEY)])
        facts = await site.facts(3)
        left = [
            fact.endpoint_name
            for fact in facts
            if fact.name is FactName.DEVICE_DEREGISTERED
        ]
        assert left == [KETTLE]
        device.peer.say(device.request(Code.POST, location))
        assert await device.peer.hears_nothing()
        assert (await other.update(stays)).code == Code.CHANGED


async def test_a_registration_outlives_a_key_that_it_was_not_made_with(
    site: Site,
) -> None:
    async with (
        trust.writer(site.redis_url) as writer,
        site.edge(lwm2m_identity_may_change=True) as url,
        site.device(url) as former,
    ):
        await former.register()
        async with site.device(url, FACTORY.issue(KETTLE)) as device:
            location = (await device.register()).location
            await writer.remove([key_of(KETTLE, KEY)])

            async def silent() -> bool:
                former.peer.say(former.request(Code.POST, location))
                return await former.peer.hears_nothing()

            await until(silent)
            assert (await device.update(location)).code == Code.CHANGED


async def test_a_device_renews_its_certificate_and_goes_on(site: Site) -> None:
    key = keys.generate()
    subject = Subject(names.device_id(ACCOUNT, KETTLE), ACCOUNT, KETTLE)
    async with site.edge() as url:
        async with site.device(url, issued()) as device:
            location = (await device.register()).location
            document = signing_request(subject, key)
            answer = await device.ask(
                Code.POST, enrolling.PATH, (), document, content_format=0
            )
            assert answer.code == Code.CHANGED
            length = int.from_bytes(answer.payload[2:4], "big")
            certificate = answer.payload[4 : 4 + length]
            assert (await device.update(location)).code == Code.CHANGED
        renewed = CertifiedKey((certificate,), keys.encode(key))
        async with site.device(url, renewed) as device:
            assert (await device.update(location)).code == Code.CHANGED
            await device.register()
        first, second = await site.registered(2)
    assert second.credential_issued > first.credential_issued
    assert first.device_id == second.device_id == subject.locality


async def test_a_certificate_of_another_name_opens_nothing_here(site: Site) -> None:
    key = keys.generate()
    async with site.edge() as url, site.device(url, issued()) as device:
        await device.register()
        document = signing_request(Subject(common_name="meter 7"), key)
        path = ("est", "customer.dlms", "sen")
        answer = await device.ask(Code.POST, path, (), document, content_format=0)
        assert answer.code == Code.CHANGED
        length = int.from_bytes(answer.payload[2:4], "big")
        certificate = answer.payload[4 : 4 + length]
        other = CertifiedKey((certificate,), keys.encode(key))
        assert isinstance(await device.peer.shake_hands(other), Failed)


async def test_another_credential_is_not_renewed(site: Site) -> None:
    async with site.edge() as url, site.device(url) as device:
        await device.register()
        subject = Subject(names.device_id(ACCOUNT, KETTLE), ACCOUNT, KETTLE)
        answer = await device.ask(
            Code.POST, enrolling.PATH, (), signing_request(subject), content_format=0
        )
        assert answer.code == Code.FORBIDDEN
        answer = await device.ask(Code.GET, enrolling.PATH)
        assert answer.code == Code.METHOD_NOT_ALLOWED
