"""The public Python SDK of Izuma Device Management, as it is, against a platform.

Each test is a script as their users write it, run by an interpreter that has the
package ``mbed-cloud-sdk``: this one, or that of HOMEPORT_FOREIGN_PYTHON.
"""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from homeport.coap.codec import Code, Option
from homeport.pki import authorities, pem
from tests.support.homeport import content
from tests.support.peer import Peer
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.foreign]

PYTHON = os.environ.get("HOMEPORT_FOREIGN_PYTHON", sys.executable)
SCRIPT_SECONDS = 60

PRELUDE = """
import json, time
from mbed_cloud import (
    AccountManagementAPI, ApiFilter, CertificatesAPI, ConnectAPI,
    DeviceDirectoryAPI, EnrollmentAPI, SDK
)
sdk = SDK().foundation

def where(*condition):
    made = ApiFilter()
    made.add_filter(*condition)
    return made

def tell(value):
    print(json.dumps(value, default=str))
"""
FACTORY = pem.build(
    pem.CERTIFICATE, authorities.create_root("Factory of the SDK").certificate.der
)
IDENTITIES = [f"A-{':'.join([f'{number:02X}'] * 32)}" for number in range(64, 67)]

Sdk = Callable[..., Awaitable[Any]]


class Registered(NamedTuple):
    """A device, and where it updates its registration."""

    name: str
    location: tuple[str, ...]


@pytest.fixture(scope="session")
def python() -> str:
    """An interpreter that has the package."""
    look = "import importlib.util, sys; sys.exit(not importlib.util.find_spec(%r))"
    if subprocess.run([PYTHON, "-c", look % "mbed_cloud"], check=False).returncode:
        pytest.skip(f"{PYTHON} has no mbed-cloud-sdk (see HOMEPORT_FOREIGN_PYTHON)")
    return PYTHON


async def said(*command: str, **environment: str) -> str:
    """Run a program that succeeds; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    async with asyncio.timeout(SCRIPT_SECONDS):
        printed, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return printed.decode()


@pytest.fixture
def sdk(python: str, shared: System, tmp_path: Path) -> Sdk:
    """Run a script with the SDK; return what it tells."""
    api_key = content(shared.ready_file)["api_key"]

    async def run(script: str, *, key: str = "", **values: str) -> Any:
        told = "\n".join(f"{name} = {value!r}" for name, value in values.items())
        path = tmp_path / "script.py"
        path.write_text(f"{PRELUDE}\n{told}\n{textwrap.dedent(script)}")
        environment = {
            "MBED_CLOUD_SDK_HOST": shared.api,
            "MBED_CLOUD_SDK_API_KEY": key or api_key,
        }
        printed = await said(python, str(path), **environment)
        return json.loads(printed.splitlines()[-1])

    return run


@pytest.fixture
async def registered(shared: System, device: Peer) -> AsyncIterator[Registered]:
    """A device that is registered."""
    made = await device.ask(
        *(shared.lwm2m, Code.POST, ("rd",)),
        queries=("ep=foreign-sdk", "lt=300", "lwm2m=1.1", "et=kettle"),
        options=((int(Option.CONTENT_FORMAT), b"\x28"),),
        payload=b"</1/0>,</3303/0/5700>;obs",
    )
    assert made.code == Code.CREATED
    yield Registered("foreign-sdk", made.location)
    await device.ask(shared.lwm2m, Code.DELETE, made.location)


async def test_devices_are_recorded_filtered_and_deleted(sdk: Sdk) -> None:
    told = await sdk("""
        made = [
            sdk.device(
                name="sdk %s" % number, endpoint_name="sdk-%s" % number,
                device_key="%064x" % number, ca_id="factory",
                custom_attributes={"floor": str(number)},
            ).create()
            for number in range(3)
        ]
        names = [each.endpoint_name for each in made]
        def listed(*condition, **how):
            found = sdk.device().list(filter=where(*condition), **how)
            return [each.endpoint_name for each in found]
        made[0].name = "renamed"
        told = {
            "pages": listed("endpoint_name", "in", names, page_size=2),
            "newest": listed("endpoint_name", "in", names, order="DESC", max_results=1),
            "one": listed("endpoint_name", "eq", "sdk-1"),
            "recent": listed("created_at", "gte", made[1].created_at),
            "renamed": made[0].update().name,
            "read": sdk.device(id=made[0].id).read().name,
        }
        for each in made:
            each.delete()
        told["left"] = listed("endpoint_name", "in", names)
        tell(told)
    """)
    names = ["sdk-0", "sdk-1", "sdk-2"]
    assert told["pages"] == names
    assert told["newest"] == ["sdk-2"]
    assert told["one"] == ["sdk-1"]
    assert told["recent"][:2] == ["sdk-1", "sdk-2"]
    assert (told["renamed"], told["read"]) == ("renamed", "renamed")
    assert told["left"] == []


async def test_the_older_directory_api_works(sdk: Sdk, registered: Registered) -> None:
    told = await sdk("""
        api = DeviceDirectoryAPI()
        made = api.add_device(
            mechanism="connector", certificate_fingerprint="cd" * 32, name="older",
            certificate_issuer_id="factory", alias="older-sdk",
            custom_attributes={"room": "b"},
        )
        by_room = {"custom_attributes": {"room": {"$eq": "b"}}}
        query = api.add_query("at home", {"state": {"$eq": "registered"}})
        found = api.list_devices(filters=query.filter, include="total_count")
        told = {
            "room": [each.alias for each in api.list_devices(filters=by_room)],
            "home": [each.alias for each in found],
            "count": found.count(),
            "updated": api.update_device(made.id, name="younger").name,
            "queries": [each.name for each in api.list_queries()],
        }
        api.delete_device(made.id)
        api.delete_query(query.id)
        tell(told)
    """)
    assert told["room"] == ["older-sdk"]
    assert registered.name in told["home"]
    assert told["count"] == len(told["home"])
    assert told["updated"] == "younger"
    assert told["queries"] == ["at home"]


async def test_what_happened_to_a_device_is_listed(
    sdk: Sdk, registered: Registered
) -> None:
    told = await sdk(
        """
        device = sdk.device().list(filter=where("endpoint_name", "eq", name)).first()
        api = DeviceDirectoryAPI()
        older = {"device_id": device.id, "state_change": True}
        events = sdk.device_events().list(filter=where("device_id", "eq", device.id))
        told = {
            "events": [[each.event_type, each.description] for each in events],
            "changes": [
                each.changes.get("state")
                for each in api.list_device_events(filters=older)
            ],
        }
        first = sdk.device_events().list(filter=where("device_id", "eq", device.id))
        told["one"] = sdk.device_events(id=first.first().id).read().device_id
        told["device"] = device.id
        tell(told)
        """,
        name=registered.name,
    )
    created, another, *_ = told["events"]
    assert created == ["update.device.device-created", "Device record created"]
    assert another == ["update.device.device-registered", "Device registered"]
    assert "registered" in told["changes"]
    assert told["one"] == told["device"]


async def test_devices_are_grouped(sdk: Sdk, registered: Registered) -> None:
    told = await sdk(
        """
        device = sdk.device().list(filter=where("endpoint_name", "eq", name)).first()
        group = sdk.device_group(name="sdk", custom_attributes={"a": "b"}).create()
        group.add_device(device_id=device.id)
        told = {
            "devices": [each.endpoint_name for each in group.devices()],
            "count": group.read().devices_count,
            "groups": [
                each.name
                for each in sdk.device_group().list(filter=where("name", "eq", "sdk"))
            ],
        }
        group.remove_device(device_id=device.id)
        told["left"] = group.read().devices_count
        group.delete()
        tell(told)
        """,
        name=registered.name,
    )
    assert told == {
        "devices": [registered.name],
        "count": 1,
        "groups": ["sdk"],
        "left": 0,
    }


async def test_devices_are_claimed(sdk: Sdk, tmp_path: Path) -> None:
    listed = tmp_path / "identities.csv"
    listed.write_text("\n".join(["enrollment_identity", *IDENTITIES, ""]))
    told = await sdk(
        """
        def finish(task):
            while task.read().status != "completed":
                time.sleep(0.1)
            return [task.total_count, task.errors_count, task.processed_count]

        one = sdk.device_enrollment(enrollment_identity=identity).create()
        older = EnrollmentAPI()
        told = {"older": [each.claim_id for each in older.list_enrollment_claims()]}
        try:
            older.add_enrollment_claim(claim_id=identity)
        except Exception as error:
            told["again"] = error.status
        upload = sdk.device_enrollment_bulk_create()
        with open(path, "rb") as csv:
            upload.create(enrollment_identities=csv)
        told["upload"] = finish(upload)
        told["report"] = upload.download_errors_report_file().read().splitlines()
        told["claims"] = [
            each.enrollment_identity for each in sdk.device_enrollment().list()
        ]
        told["read"] = one.read().claimed_at
        one.delete()
        delete = sdk.device_enrollment_bulk_delete()
        with open(path, "rb") as csv:
            delete.delete(enrollment_identities=csv)
        told["delete"] = finish(delete)
        tell(told)
        """,
        identity=IDENTITIES[0],
        path=str(listed),
    )
    assert IDENTITIES[0] in told["older"]
    assert told["again"] == 409
    assert told["upload"] == [3, 1, 3]
    assert told["report"][0].startswith("entity__id,entity__created_at,error__code")
    assert ",409,duplicate," in told["report"][1]
    assert set(told["claims"]) >= set(IDENTITIES)
    assert told["read"] is None
    assert told["delete"] == [3, 1, 3]


async def test_certificates_are_trusted_and_made(sdk: Sdk) -> None:
    told = await sdk(
        """
        factory = sdk.trusted_certificate(
            name="sdk factory", certificate=factory, service="bootstrap"
        ).create()
        developer = sdk.developer_certificate(name="sdk lab", description="ours")
        developer.create()
        def listed(*condition):
            return [
                each.name
                for each in sdk.trusted_certificate().list(filter=where(*condition))
            ]
        older = CertificatesAPI()
        told = {
            "subject": listed("subject", "like", "Factory of the SDK"),
            "developer": listed("device_execution_mode", "eq", 1),
            "same": developer.get_trusted_certificate_info().name,
            "key": developer.read().developer_private_key[:27],
            "source": "MBED_CLOUD_DEV_BOOTSTRAP_SERVER" in
                developer.security_file_content,
            "types": {each.name: each.type for each in older.list_certificates()},
            "servers": [
                sdk.server_credentials().get_bootstrap().server_uri,
                sdk.server_credentials().get_lwm2m().server_uri,
            ],
        }
        factory.status = "INACTIVE"
        told["status"] = factory.update().status
        factory.delete()
        older.delete_certificate(developer.id)
        tell(told)
        """,
        factory=FACTORY,
    )
    assert told["subject"] == ["sdk factory"]
    assert "sdk lab" in told["developer"]
    assert told["same"] == "sdk lab"
    assert told["key"] == "-----BEGIN PRIVATE KEY-----"
    assert told["source"]
    assert told["types"]["sdk lab"] == "developer"
    assert told["types"]["sdk factory"] == "bootstrap"
    assert all(each.startswith("coaps://") for each in told["servers"])
    assert told["status"] == "INACTIVE"


async def test_keys_are_made_and_deleted(sdk: Sdk, shared: System) -> None:
    told = await sdk("""
        made = sdk.api_key(name="sdk app").create()
        told = {
            "key": made.key,
            "me": sdk.api_key().me().name,
            "account": sdk.account().me().id,
            "listed": [each.name for each in sdk.api_key().list()],
        }
        made.name = "sdk application"
        told["renamed"] = made.update().name
        told["read"] = made.read().key
        told["older"] = [each.name for each in AccountManagementAPI().list_api_keys()]
        made.delete()
        told["left"] = [each.name for each in sdk.api_key().list()]
        tell(told)
    """)
    assert told["key"].startswith("ak_1")
    assert told["key"].startswith(told["read"])
    assert told["key"] != told["read"]
    assert told["me"] == "default"
    assert told["account"] == shared.account
    assert "sdk app" in told["listed"]
    assert told["renamed"] in told["older"]
    assert told["renamed"] not in told["left"]


async def test_an_application_is_told_what_devices_do(
    sdk: Sdk, shared: System, registered: Registered, device: Peer
) -> None:
    async with shared.client() as client:
        own = await client.api_keys.create("sdk notifications")
        script = asyncio.create_task(
            sdk(
                """
                api = ConnectAPI()
                alias = {"alias": {"$eq": name}}
                connected = list(api.list_connected_devices(filters=alias))
                changes = api.subscribe(api.subscribe.channels.DeviceStateChanges())
                api.start_notifications()
                change = changes.next().block(timeout=30)
                api.stop_notifications()
                tell([[each.id for each in connected], change])
                """,
                key=own.key,
                name=registered.name,
            )
        )
        while not script.done():
            await device.ask(shared.lwm2m, Code.POST, registered.location)
            await asyncio.wait([script], timeout=0.5)
        (connected,), change = script.result()
        await client.api_keys.delete(own.id)
    assert change["device_id"] == connected
    assert change["channel"] == "reg_updates"
    paths = [resource["path"] for resource in change["resources"]]
    assert paths == ["/1/0", "/3303/0/5700"]
