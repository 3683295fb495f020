"""A credential that has expired is renewed: its device bootstraps and keeps its id."""

from collections import Counter
from pathlib import Path

import pytest

from homeport.identity import Service
from homeport.pki import keys, pem
from tests.support import customer
from tests.support.certificates import Authority, authority
from tests.support.homeport import homeport
from tests.support.polling import until
from tests.support.servers import folder
from tests.support.system import Application, device_of, notices, system

pytestmark = pytest.mark.e2e

CREDENTIAL_SECONDS = 6
DAY_SECONDS = 86_400
DEVICES = 5
FLEET = ("--devices", str(DEVICES), "--turn", "1.5", "--mix", "update=100")


@pytest.mark.conforms("C-007", "ETS-7", "B-052")
async def test_devices_renew_their_credentials_and_keep_their_ids(
    tmp_path: Path,
) -> None:
    factory = authority("Factory of renewing devices")
    days = str(CREDENTIAL_SECONDS / DAY_SECONDS)
    with folder() as data:
        async with (
            system(data, HOMEPORT_CREDENTIAL_DAYS=days) as serving,
            serving.application() as application,
        ):
            await customer.trust_authority(
                application.api, factory, service=Service.BOOTSTRAP
            )
            fleet = ("simulate", "--ready-file", str(serving.ready_file), *FLEET)
            signed = ("--authority", str(written(factory, tmp_path)))
            async with (
                homeport(*fleet, "--prefix", "developed") as developed,
                homeport(*fleet, "--prefix", "certified", *signed) as certified,
            ):
                await all_registered(application, times=2)
                assert await developed.end() == 0
                assert await certified.end() == 0
            assert serving.faults() == []
            known = await application.states()
            assert known.keys() == registrations(application).keys()
            names = [f"certified-{number:06}" for number in range(DEVICES)]
            assert known.keys() >= set(map(application.device_id, names))


def written(factory: Authority, where: Path) -> Path:
    """Write a CA and its key to a file."""
    path = where / "factory.pem"
    path.write_text(
        pem.build(pem.CERTIFICATE, factory.der)
        + pem.build(pem.PRIVATE_KEY, keys.encode(factory.key))
    )
    return path


def registrations(application: Application) -> Counter[str]:
    """Count how often the webhook was told that a device has registered."""
    return Counter(
        device_of(item)
        for kind, item in notices(application.webhook)
        if kind == "registrations"
    )


async def all_registered(application: Application, *, times: int) -> None:
    async def registered() -> bool:
        counts = registrations(application)
        return len(counts) == 2 * DEVICES and min(counts.values()) >= times

    await until(registered, seconds=60)
