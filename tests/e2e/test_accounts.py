"""What belongs to one account is out of another one's reach."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from homeport import names
from homeport.coap.codec import Code
from homeport.names import AccountId
from homeport.runtime.database import connections
from homeport.runtime.platform import identity
from services.directory.accounts.accounts import AccountStore
from services.directory.schema import MIGRATIONS, SCHEMA
from tests.support import customer
from tests.support.certificates import authority
from tests.support.polling import until
from tests.support.secured_device import secured_device
from tests.support.system import Application, System

pytestmark = pytest.mark.e2e

IZUMA = "mccv=4.13.2"


@dataclass(frozen=True, slots=True)
class Neighbor:
    """Another account of the same platform."""

    account: AccountId
    api: httpx.AsyncClient

    async def devices(self) -> list[str]:
        """Return the ids of its devices."""
        answer = await self.api.get("/v3/devices/")
        return [device["id"] for device in answer.json()["data"]]


@pytest.fixture
async def neighbor(shared: System) -> AsyncIterator[Neighbor]:
    """An account that was made while the platform serves."""
    account = names.new_account_id()
    key = identity.new_api_key(account)
    async with connections(
        shared.postgres, schema=SCHEMA, migrations=MIGRATIONS
    ) as engine:
        await AccountStore(engine).ensure(account, key)
    async with shared.caller(key) as api:

        async def known() -> bool:
            return (await api.get("/v3/devices/")).status_code == 200

        await until(known)
        yield Neighbor(account, api)


@pytest.mark.parametrize(
    ("said", "code"), [((), Code.FORBIDDEN), ((IZUMA,), Code.UNAUTHORIZED)]
)
async def test_a_certificate_opens_no_other_account(
    shared: System,
    application: Application,
    neighbor: Neighbor,
    said: tuple[str, ...],
    code: Code,
) -> None:
    name = f"certified-{len(said)}"
    factory = authority(f"Factory of {name}")
    await customer.trust_authority(application.api, factory)
    credential = factory.issue(name, unit=application.account)
    with secured_device(shared.secured_lwm2m, name, credential) as device:
        await device.shake_hands()
        answer = await device.register(f"aid={neighbor.account}", *said)
        assert answer.code == code
        assert await neighbor.devices() == []
        answer = await device.register(f"aid={application.account}", *said)
        assert answer.code == Code.CREATED
    await application.until_told(name, "registrations")


async def test_a_key_opens_no_other_account(
    shared: System, application: Application, neighbor: Neighbor
) -> None:
    key = customer.new_key("keyed-and-curious")
    await customer.register_key(application.api, key)
    name = key.identity.decode()
    with secured_device(shared.secured_lwm2m, name, key) as device:
        await device.shake_hands()
        answer = await device.register(f"aid={neighbor.account}")
        assert answer.code == Code.FORBIDDEN
    assert await neighbor.devices() == []


async def test_whoever_uploads_the_ca_of_another_account_gets_none_of_its_devices(
    shared: System, application: Application, neighbor: Neighbor
) -> None:
    name = "coveted"
    factory = authority(f"Factory of {name}")
    for api in (application.api, neighbor.api):
        await customer.trust_authority(api, factory)
    for unit in ("", application.account):
        credential = factory.issue(name, unit=unit)
        with secured_device(shared.secured_lwm2m, name, credential) as device:
            await device.come_home()
    await application.until_told(name, "registrations", "registrations")
    assert await neighbor.devices() == []


async def test_a_key_is_out_of_reach_of_other_accounts(
    shared: System, application: Application, neighbor: Neighbor
) -> None:
    key = customer.new_key("keyed-and-very-calm")
    path = await customer.register_key(application.api, key)
    name = key.identity.decode()
    with secured_device(shared.secured_lwm2m, name, key) as device:
        await device.come_home()
        taken = {"endpoint_name": name, "secret_hex": "00" * 16, "service": "lwm2m"}
        answer = await neighbor.api.post(customer.SHARED_KEYS, json=taken)
        assert answer.status_code == 409
        assert (await neighbor.api.get(path)).status_code == 404
        await neighbor.api.delete(path)
        assert (await application.api.get(path)).status_code == 200
        assert await device.update() == Code.CHANGED


async def test_a_ca_is_out_of_reach_of_other_accounts(
    shared: System, application: Application, neighbor: Neighbor
) -> None:
    name = "certified-and-calm"
    factory = authority(f"Factory of {name}")
    path = await customer.trust_authority(application.api, factory)
    with secured_device(shared.secured_lwm2m, name, factory.issue(name)) as device:
        await device.come_home()
        switched_off = {"status": "INACTIVE"}
        assert (await neighbor.api.get(path)).status_code == 404
        assert (await neighbor.api.put(path, json=switched_off)).status_code == 404
        assert (await neighbor.api.delete(path)).status_code == 404
        assert await device.update() == Code.CHANGED
