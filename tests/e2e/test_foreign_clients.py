"""Clients that others wrote come home as well: what they send is theirs, not ours."""

import asyncio
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.system import Application, System

pytestmark = [pytest.mark.e2e, pytest.mark.foreign]

LIBCOAP = ("coap-client-notls", "coap-client-openssl", "coap-client-gnutls")
AIOCOAP = Path(sys.executable).with_name("aiocoap-client")
LINKS = ",".join(f"</3303/{number}/5700>;obs" for number in range(100))
"""2.5 kB: three blocks of the largest size."""


@pytest.fixture
def libcoap() -> str:
    """The CoAP client of libcoap, whatever it was built with."""
    found = next(filter(None, map(shutil.which, LIBCOAP)), None)
    if found is None:
        pytest.skip("libcoap's coap-client-notls is not installed (libcoap3-bin)")
    return found


@pytest.fixture
def aiocoap() -> str:
    """The CoAP client of aiocoap."""
    if not AIOCOAP.exists():
        pytest.skip("aiocoap-client is not installed beside this Python")
    return str(AIOCOAP)


async def said(*command: str) -> str:
    """Run a client; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(30):
        printed, _ = await process.communicate()
    return printed.decode()


def told_paths(registered: dict[str, list[dict[str, str]]]) -> list[str]:
    return [resource["path"] for resource in registered["resources"]]


async def test_libcoap_registers_updates_and_leaves(
    shared: System, application: Application, libcoap: str
) -> None:
    async def ask(method: str, path: str, *options: str) -> str:
        url = f"{shared.lwm2m}/{path}"
        return await said(libcoap, "-v", "6", "-m", method, *options, url)

    created = await ask(
        "post", "rd?ep=kitchen&lt=300&lwm2m=1.1&b=U", "-t", "40", "-e", "</1/0>,</3/0>"
    )
    assert " c:2.01 " in created
    location = "/".join(re.findall(r"Location-Path:([0-9a-z]+)", created))
    assert " c:2.04 " in await ask("post", location)
    assert " c:2.02 " in await ask("delete", location)
    assert " c:4.04 " in await ask("delete", location)
    registered, *_ = await application.until_told(
        "kitchen", "registrations", "reg-updates", "de-registrations"
    )
    assert told_paths(registered) == ["/1/0", "/3/0"]


async def test_libcoap_registers_in_small_blocks(
    shared: System, application: Application, libcoap: str
) -> None:
    url = f"{shared.lwm2m}/rd?ep=cellar"
    command = (libcoap, "-v", "6", "-m", "post", "-t", "40", "-b", "64", "-e", LINKS)
    assert " c:2.01 " in await said(*command, url)
    (registered,) = await application.until_told("cellar", "registrations")
    assert len(told_paths(registered)) == 100


async def test_libcoap_hears_why_it_is_refused(shared: System, libcoap: str) -> None:
    url = f"{shared.lwm2m}/rd?lt=300"
    printed = await said(libcoap, "-m", "post", "-t", "40", "-e", "</1/0>", url)
    assert printed.strip() == "4.00 ep is missing"


async def test_aiocoap_registers_in_blocks_updates_and_leaves(
    shared: System, application: Application, aiocoap: str, tmp_path: Path
) -> None:
    links = tmp_path / "links"
    links.write_text(LINKS)
    created = await said(
        *(aiocoap, "-m", "POST", "--content-format", "40", "--payload", f"@{links}"),
        f"{shared.lwm2m}/rd?ep=attic&lt=300&lwm2m=1.1&b=U",
    )
    found = re.search(r"new resource: (/rd/[0-9a-f]+)", created)
    assert found, created
    url = f"{shared.lwm2m}{found[1]}"
    assert await said(aiocoap, "-m", "POST", url) == ""
    assert await said(aiocoap, "-m", "DELETE", url) == ""
    registered, *_ = await application.until_told(
        "attic", "registrations", "reg-updates", "de-registrations"
    )
    assert len(told_paths(registered)) == 100


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "rd/0123", "4.04 Not Found"),
        ("POST", "elsewhere", "4.04 Not Found"),
        ("GET", "rd", "4.05 Method Not Allowed"),
        ("POST", "rd?ep=attic&lwm2m=7", "4.12 Precondition Failed"),
        ("POST", "rd?ep=attic&b=X", "4.00 Bad Request"),
    ],
)
async def test_aiocoap_hears_the_code_of_a_refusal(
    shared: System, aiocoap: str, method: str, path: str, code: str
) -> None:
    assert code in await said(aiocoap, "-m", method, f"{shared.lwm2m}/{path}")
