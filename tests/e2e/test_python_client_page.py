"""What the page about the Python client shows is what happens."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from homeport.coap.codec import Code, Option
from tests.support.peer import Peer
from tests.support.simulated import thermometer
from tests.support.system import System

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-python-client.md"
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


async def run(script: Path, **environment: str) -> str:
    """Run a program that succeeds; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    async with asyncio.timeout(60):
        printed, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return printed.decode()


async def test_the_page_about_the_python_client_is_true(
    shared: System, device: Peer, tmp_path: Path
) -> None:
    script = tmp_path / "page.py"
    script.write_text("\n".join(SNIPPET.findall(PAGE.read_text())))
    async with shared.client() as client, thermometer(shared, "simulated"):
        own = await client.api_keys.create("page", role="administrator")
        where = {"HOMEPORT_URL": shared.api, "HOMEPORT_API_KEY": own.key}
        running = asyncio.create_task(run(script, **where))
        while not running.done():
            await device.ask(
                *(shared.lwm2m, Code.POST, ("rd",)),
                queries=("ep=at-the-page", "lt=300", "lwm2m=1.1"),
                options=((int(Option.CONTENT_FORMAT), b"\x28"),),
                payload=b"</1/0>",
            )
            await asyncio.wait([running], timeout=0.5)
        printed = running.result()
        await client.api_keys.delete(own.id)
    assert "['Lamp at the stairs']" in printed
    assert "Device suspended" in printed
    assert re.search(r"409 .* [0-9a-f]{32}$", printed, re.MULTILINE)
    assert "it is gone" in printed
    assert "at-the-page has come home" in printed
    assert re.search(r"^\S+ came home at 20\d\d-", printed, re.MULTILINE)
    assert re.search(r"^200 it is [\d.]+ degrees$", printed, re.MULTILINE)
    assert re.search(r"^{'/3303/0/5700': [\d.]+}$", printed, re.MULTILINE)
    assert f"A-{':'.join(['5A'] * 32)} None" in printed
