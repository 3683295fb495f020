"""Who is trusted no more is shut out within a second, and nobody else notices."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pytest

from homeport.coap.codec import Code
from tests.support import customer
from tests.support.certificates import authority
from tests.support.homeport import Event
from tests.support.polling import until
from tests.support.secured_device import Credential, SecuredDevice, secured_device
from tests.support.system import Application, System

pytestmark = pytest.mark.e2e

PROMISED_SECONDS = 1.0
PAUSE_SECONDS = 0.2
"""Between two records of a device, which would else be held as a storm."""

Step = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Trust:
    """A credential, how it is withdrawn and given again, and why it is refused then."""

    credential: Credential
    withdraw: Step
    restore: Step
    reason: str


async def by_key(application: Application, name: str) -> Trust:
    key = customer.new_key(name)
    path = await customer.register_key(application.api, key)
    return Trust(
        key,
        lambda: deleted(application, path),
        lambda: customer.register_key(application.api, key),
        "the PSK identity is unknown",
    )


async def by_authority(application: Application, name: str) -> Trust:
    factory = authority(f"Factory of {name}")
    path = await customer.trust_authority(application.api, factory)
    return Trust(
        factory.issue(name),
        lambda: deleted(application, path),
        lambda: customer.trust_authority(application.api, factory),
        "no account trusts its CA",
    )


async def by_active_authority(application: Application, name: str) -> Trust:
    factory = authority(f"Factory of {name}")
    path = await customer.trust_authority(application.api, factory)

    async def switch(status: str) -> None:
        answer = await application.api.put(path, json={"status": status})
        assert answer.status_code == 200, answer.text

    return Trust(
        factory.issue(name),
        lambda: switch("INACTIVE"),
        lambda: switch("ACTIVE"),
        "its CA is inactive",
    )


async def deleted(application: Application, path: str) -> None:
    assert (await application.api.delete(path)).status_code == 204


@pytest.fixture
def devices(shared: System) -> Iterator[Callable[[str, Credential], SecuredDevice]]:
    """Make devices; they are gone after the test."""
    with ExitStack() as stack:

        def make(name: str, credential: Credential) -> SecuredDevice:
            return stack.enter_context(
                secured_device(shared.secured_lwm2m, name, credential)
            )

        yield make


@pytest.mark.parametrize(
    "trusted", [by_key, by_authority, by_active_authority], ids=["key", "CA", "status"]
)
async def test_a_device_is_shut_out_until_it_is_trusted_again(
    shared: System,
    application: Application,
    devices: Callable[[str, Credential], SecuredDevice],
    trusted: Callable[[Application, str], Awaitable[Trust]],
) -> None:
    name = f"withdrawn-{trusted.__name__}"
    trust = await trusted(application, name)
    other = await trusted(application, f"bystander-{trusted.__name__}")
    device = devices(name, trust.credential)
    bystander = devices(f"bystander-{trusted.__name__}", other.credential)
    await asyncio.gather(device.come_home(), bystander.come_home())

    await trust.withdraw()
    await association_ends(shared, device)
    await hears_nothing(shared, device)
    assert await refusal(shared, device) == trust.reason
    assert await bystander.update() == Code.CHANGED

    await trust.restore()
    device.peer.rebind()
    await device.shake_hands()
    ended = trusted is by_key  # the registration with it (C-038)
    assert await device.update() == (Code.NOT_FOUND if ended else Code.CHANGED)


async def test_a_developer_certificate_that_is_deleted_bootstraps_nobody(
    shared: System, application: Application
) -> None:
    certified = await customer.developer_certificate(application.api, "withdrawn")
    with secured_device(shared.secured_bootstrap, "", certified) as device:
        await device.shake_hands()
        page = await application.read(customer.TRUSTED, name__eq="withdrawn")
        await deleted(application, f"{customer.TRUSTED}/{page['data'][0]['id']}")
        assert await refusal(shared, device) == "no account trusts its CA"


async def association_ends(shared: System, device: SecuredDevice) -> None:
    """Check that the edge soon takes no record of a device any more."""

    async def count() -> float:
        counts = await shared.metric(
            "lwm2m", "homeport_dtls_ended_total", reason="distrusted"
        )
        return sum(counts.values())

    before = await count()

    async def ended() -> bool:
        return await count() > before

    async with asyncio.timeout(PROMISED_SECONDS):
        while not await ended():
            device.say_update()
            with suppress(TimeoutError):
                await until(ended, seconds=PAUSE_SECONDS)


async def hears_nothing(shared: System, device: SecuredDevice) -> None:
    """Check that a record is dropped, as one of nobody in particular."""

    async def dropped() -> float:
        counts = await shared.metric(
            "lwm2m", "homeport_dtls_dropped_total", reason="unknown"
        )
        return sum(counts.values())

    before, heard = await dropped(), len(device.peer.heard)
    device.say_update()

    async def was_dropped() -> bool:
        return await dropped() > before

    await until(was_dropped)
    assert len(device.peer.heard) == heard


async def refusal(shared: System, device: SecuredDevice) -> str:
    """Try to shake hands from a new port; return why the platform does not want to."""
    device.peer.rebind()
    address = device.address
    trying = asyncio.create_task(device.shake_hands())

    def refused(event: Event) -> bool:
        return (event["event"], event.get("peer")) == ("credential refused", address)

    try:
        event = await shared.until_logged(refused)
        assert not trying.done() or trying.exception() is not None
    finally:
        trying.cancel()
        with suppress(asyncio.CancelledError, AssertionError):
            await trying
    return str(event["reason"])
