"""Clients that others wrote, over TCP: what they send is theirs, not ours."""

import asyncio
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.tcp import Port, serving

pytestmark = [pytest.mark.integration, pytest.mark.foreign]

AIOCOAP = Path(sys.executable).with_name("aiocoap-client")
LIBCOAP = ("coap-client-notls", "coap-client-openssl", "coap-client-gnutls")
LENGTHS = [3, 1_000, 3_000, 60_000]


async def said(*command: str) -> str:
    """Run a client; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(30):
        printed, _ = await process.communicate()
    return printed.decode()


def url(port: Port, path: str) -> str:
    host, number = port.transport.address[:2]
    return f"coap+tcp://{host}:{number}/{path}"


@pytest.fixture(params=["aiocoap", "libcoap"])
def client(request: pytest.FixtureRequest) -> Sequence[str]:
    """The command line of a client, up to the payload."""
    if request.param == "aiocoap":
        if not AIOCOAP.exists():
            pytest.skip("aiocoap-client is not installed beside this Python")
        return (str(AIOCOAP), "--payload")
    found = next(filter(None, map(shutil.which, LIBCOAP)), None)
    if found is None:
        pytest.skip("libcoap's coap-client-notls is not installed (libcoap3-bin)")
    return (found, "-e")


@pytest.mark.parametrize("length", LENGTHS)
async def test_a_body_of_any_length_is_posted(
    client: Sequence[str], length: int
) -> None:
    program, payload = client
    body = "x" * length
    async with serving() as port:
        port.payload = b"taken"
        target = url(port, "rd?ep=a")
        assert "taken" in await said(program, "-m", "post", payload, body, target)
        assert [request.message.payload.decode() for request in port.requests] == [body]
        assert port.requests[0].message.path == ("rd",)
        assert port.requests[0].message.queries == ("ep=a",)


@pytest.mark.parametrize("length", LENGTHS)
async def test_a_body_of_any_length_is_fetched(
    client: Sequence[str], length: int
) -> None:
    async with serving() as port:
        port.payload = b"y" * length
        assert (await said(client[0], url(port, "fw"))).count("y") == length
