"""The commands that use the API, as an operator types them beside a platform."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homeport.cli import cli
from homeport.client import (
    AsyncClient,
    Conflict,
    Forbidden,
    InvalidCall,
    NotFound,
    UnknownKey,
)
from homeport.client.devices import Device
from homeport.commands.asking import NotDone
from homeport.commands.claims import identity_of
from homeport.errors import HomeportError
from homeport.pki import authorities, pem
from homeport.simulator.dialects import IZUMA
from tests.support.background import Background
from tests.support.polling import until
from tests.support.simulated import thermometer
from tests.support.system import System

pytestmark = pytest.mark.e2e

Run = Callable[..., Awaitable[str]]

CERTIFICATE = pem.build(
    pem.CERTIFICATE, authorities.create_root("Factory of commands").certificate.der
)


@pytest.fixture
def homeport(shared: System) -> Run:
    """Run a command; return what it prints, raise what it complains about."""

    async def run(*arguments: str, code: int = 0) -> str:
        command = [*arguments, "--ready-file", str(shared.ready_file)]
        done = await asyncio.to_thread(CliRunner().invoke, cli, command)
        if isinstance(done.exception, HomeportError):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.stdout

    return run


@pytest.fixture
async def client(shared: System) -> AsyncIterator[AsyncClient]:
    async with shared.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def thermostat(shared: System, elsewhere: Background) -> Iterator[Device]:
    """A device that answers."""
    with elsewhere.entered(thermometer(shared, "typed")) as device:
        yield device


@pytest.fixture
async def kitchen(client: AsyncClient) -> AsyncIterator[Device]:
    """A device that nobody else has."""
    made = await client.devices.create(endpoint_name="typed", name="big kitchen")
    yield made
    await client.devices.delete(made.id)


async def test_devices_are_listed(homeport: Run, kitchen: Device) -> None:
    title, row = (
        await homeport("devices", "list", "--newest", "--limit", "1")
    ).splitlines()
    assert title.split() == ["id", "name", "state", "updated"]
    assert row.split()[:3] == [kitchen.id, "typed", "unenrolled"]
    named = ("--where", "endpoint_name=typed", "--state", "unenrolled")
    assert await homeport("devices", "list", *named, "--count") == "1\n"
    told = json.loads(await homeport("devices", "list", *named, "--json"))
    assert (told["id"], told["name"]) == (kitchen.id, "big kitchen")
    with pytest.raises(InvalidCall, match="nonsense__eq is not known"):
        await homeport("devices", "list", "--where", "nonsense=1")


async def test_devices_of_a_group_are_listed(
    homeport: Run, client: AsyncClient, kitchen: Device
) -> None:
    group = await client.groups.create("typed")
    await client.groups.add(group.id, kitchen.id)
    assert await homeport("devices", "list", "--group", group.id, "--count") == "1\n"
    await client.groups.delete(group.id)


async def test_a_device_is_shown_and_kept_out(homeport: Run, kitchen: Device) -> None:
    assert "big kitchen" in await homeport("devices", "show", "typed")
    why = ("--category", "lost_or_stolen", "--description", "gone since May")
    assert "is suspended" in await homeport("devices", "suspend", "typed", *why)
    listed = await homeport("devices", "list", "--where", "endpoint_name=typed")
    assert "unenrolled, suspended" in listed
    shown = json.loads(await homeport("devices", "show", kitchen.id, "--json"))
    assert shown["last_operator_suspended_description"] == "gone since May"
    assert "may come again" in await homeport("devices", "resume", "typed")
    newest, *_ = (
        await homeport("events", "list", "--device", "typed", "--json")
    ).splitlines()
    assert json.loads(newest)["event_type"] == "update.device.device-resumed"


async def test_a_device_is_deleted(homeport: Run, client: AsyncClient) -> None:
    made = await client.devices.create(endpoint_name="typed-away")
    assert (
        await homeport("devices", "delete", "typed-away") == f"{made.id} is deleted\n"
    )


async def test_devices_are_claimed(
    homeport: Run, client: AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "device.pem").write_text(CERTIFICATE)
    one = ("--certificate", str(tmp_path / "device.pem"))
    others = [f"A-{':'.join([f'{number:02X}'] * 32)}" for number in range(32, 35)]
    (tmp_path / "list.csv").write_text("\n".join(["identity", *others]))
    many = ("--csv", str(tmp_path / "list.csv"))
    claimed = await homeport("devices", "claim", *one)
    assert claimed.startswith(f"{identity_of(CERTIFICATE.encode())} is claimed by ")
    with pytest.raises(Conflict):
        await homeport("devices", "claim", *one)
    assert await homeport("devices", "claim", *many) == "3 of 3 are claimed\n"
    failed = await homeport("devices", "claim", *many, code=1)
    assert failed.startswith("0 of 3 are claimed\n")
    listed = (await homeport("devices", "claims", "--json")).splitlines()
    assert {json.loads(line)["enrollment_identity"] for line in listed} >= set(others)
    for line in listed:
        await client.enrollments.delete(json.loads(line)["id"])


async def test_a_key_is_made_shown_once_and_deleted(
    homeport: Run, shared: System
) -> None:
    key = (await homeport("keys", "create", "typed", "--role", "reader")).strip()
    async with AsyncClient(shared.api, key) as reader:
        with pytest.raises(Forbidden):
            await reader.devices.create(endpoint_name="forbidden")
        listed = await homeport("keys", "list", "--json")
        assert key not in listed + await homeport("keys", "list")
        made = next(
            each
            for each in map(json.loads, listed.splitlines())
            if each["name"] == "typed"
        )
        await homeport("keys", "delete", made["id"])
        with pytest.raises(UnknownKey):
            await reader.accounts.me()


async def test_the_operator_of_a_laptop_makes_accounts(
    shared: System, homeport: Run, client: AsyncClient
) -> None:
    account, key = (await homeport("accounts", "create", "neighbors")).split()
    async with AsyncClient(shared.api, key) as neighbor:
        assert (await neighbor.accounts.me()).id == account
    assert account in await homeport("accounts", "list")
    with pytest.raises(Forbidden):
        await client.platform.create_account("mine")


async def test_a_ca_is_trusted_and_no_more(homeport: Run, tmp_path: Path) -> None:
    (tmp_path / "factory.pem").write_text(CERTIFICATE)
    upload = ("certificates", "upload", "typed", str(tmp_path / "factory.pem"))
    assert (await homeport(*upload, "--enrollment")).startswith("typed is trusted as ")
    with pytest.raises(Conflict):
        await homeport(*upload)
    assert "bootstrap, enrollment" in await homeport("certificates", "list")
    listed = ("certificates", "list", "--where", "name=typed", "--json")
    made = json.loads(await homeport(*listed))
    await homeport("certificates", "delete", made["id"])
    assert await homeport(*listed) == ""


async def test_a_developer_certificate_comes_with_its_key(
    homeport: Run, client: AsyncClient, tmp_path: Path
) -> None:
    printed = await homeport("certificates", "developer", "printed")
    assert authorities.parse_key(printed)
    path = tmp_path / "written.c"
    source = ("--source", "--output", str(path))
    told = await homeport("certificates", "developer", "written", *source)
    assert "PRIVATE" not in told
    assert "PRIVATE_KEY" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert "PRIVATE" not in await homeport("certificates", "list", "--json")
    async for made in client.trusted_certificates.list(device_execution_mode=1):
        if made.name in ("printed", "written"):
            await client.trusted_certificates.delete(made.id)


async def test_a_device_is_asked(
    homeport: Run, client: AsyncClient, thermostat: Device
) -> None:
    name = thermostat.endpoint_name
    read = await homeport("request", name, "get", "/3/0/0")
    assert read.split() == ["/3/0/0", "Manufacturer", "Homeport"]
    written = await homeport("request", name, "put", "/3/0/14", "+02:00")
    assert written == "/3/0/14 is written\n"
    told = json.loads(await homeport("request", name, "get", "/3/0", "--json"))
    assert (told["status"], told["ct"]) == (200, "application/vnd.oma.lwm2m+tlv")
    assert told["values"]["/3/0/14"] == "+02:00"
    linked = await homeport("request", name, "discover", "/3303/0")
    assert "/3303/0/5700" in linked.split()
    with pytest.raises(NotDone, match="the device answers 405 Method Not Allowed"):
        await homeport("request", name, "execute", "/3/0/9")
    with pytest.raises(NotDone, match="the device has no such path"):
        await homeport("request", name, "get", "/3/0/99")
    assert [each async for each in client.consumers.list()] == []


async def test_a_path_is_observed(
    homeport: Run, client: AsyncClient, thermostat: Device
) -> None:
    path = ("observe", thermostat.endpoint_name, "/3303/0/5700")
    told = (await homeport(*path, "--count", "3", "--json")).splitlines()
    values = [json.loads(each)["values"]["/3303/0/5700"] for each in told]
    assert len(set(values)) > 1
    time, value = (await homeport(*path, "--count", "1")).split()
    assert time.endswith("Z")
    assert 0 < float(value) < 101
    with pytest.raises(NotFound):
        await client.subscriptions.check(thermostat.id, "/3303/0/5700")
    assert [each async for each in client.consumers.list()] == []


async def test_a_device_is_asked_to_renew_its_certificate(
    shared: System, homeport: Run
) -> None:
    async with thermometer(shared, "renewing", dialect=IZUMA) as device:

        async def results() -> list[str]:
            listed = await homeport(
                *("certificates", "renewals", "--where", f"device_id={device.id}"),
                *("--json", "--newest"),
            )
            return [
                f"{each['certificate_name']} {each['enroll_result']}"
                for each in map(json.loads, listed.splitlines())
            ]

        async def renewed() -> bool:
            return await results() == ["LWM2M success"]

        async def failed() -> bool:
            return (await results())[0] == "customer.dlms failure"

        assert device.id in await homeport("certificates", "renew", device.id)
        await until(renewed)
        await homeport("certificates", "renew", device.endpoint_name, "customer.dlms")
        await until(failed)
        shown = await homeport("certificates", "renewals", "--limit", "1", "--newest")
        assert "it has no such certificate (0x0504)" in " ".join(shown.split())
