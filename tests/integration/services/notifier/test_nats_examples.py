"""What docs/how-to/consume-from-nats.md says works, letter by letter."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import orjson
import pytest

from homeport.events import applications
from homeport.events.facts import FactName
from homeport.pki import nkeys
from homeport.runtime.embedded import EmbeddedServers
from tests.support.notifier import Site, event, site

pytestmark = pytest.mark.integration

PAGE = Path("docs/how-to/consume-from-nats.md")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
PROGRAMS = {
    "nats-py": next(code for _, code in BLOCKS if "pull_subscribe_bind" in code),
    "FastStream": next(code for _, code in BLOCKS if "faststream" in code),
}
COMMANDS = {
    access: next(code for _, code in BLOCKS if word in code)
    for access, word in (("consume", "consumer next"), ("listen", "  sub "))
}
HAPPENED = event(FactName.DEVICE_DEREGISTERED, 1, device="warehouse-1")


@pytest.fixture
async def opened(
    embedded: EmbeddedServers, redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    seed = embedded.settings["NATS_ISSUER_SEED"]
    async with (
        site(redis_url, nats_url, postgres_url, nats_issuer_seed=seed) as made,
        made.running(),
    ):
        yield made


async def make_user(opened: Site, folder: Path, **body: str) -> None:
    answer = await opened.client.post(
        "/v2/notification/nats-users", json={"name": "warehouse", **body}
    )
    (folder / "nats-user.json").write_bytes(answer.content)


@asynccontextmanager
async def running(
    command: Sequence[str], folder: Path
) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_consumes(opened: Site, tmp_path: Path, name: str) -> None:
    await make_user(opened, tmp_path)
    await opened.happen(HAPPENED)
    (tmp_path / "program.py").write_text(PROGRAMS[name])
    async with running((sys.executable, "program.py"), tmp_path) as told:
        async with asyncio.timeout(20):
            while line := await told.readline():
                if line == b"device.deregistered warehouse-1\n":
                    return
    pytest.fail("the program has ended")


@pytest.mark.foreign
@pytest.mark.parametrize("access", COMMANDS)
async def test_the_command_line_reads(
    opened: Site, tmp_path: Path, access: str
) -> None:
    if not shutil.which("nats") or not shutil.which("jq"):
        pytest.skip("the nats command or jq is not installed")
    await make_user(opened, tmp_path, access=access)
    async with running(("bash", "-c", COMMANDS[access]), tmp_path) as told:
        async with asyncio.timeout(20):
            while HAPPENED.device.encode() not in await told.readline():
                await opened.happen(HAPPENED)


def test_what_a_server_has_to_be_told_is_printed() -> None:
    assert any("homeport nats-configuration" in code for _, code in BLOCKS)
    key = nkeys.parse_seed(nkeys.new_seed())
    told = applications.configuration(key.public, user="homeport", password="secret")
    authorization, accounts = (
        orjson.loads(part.partition(": ")[2])
        for part in told.replace("}\naccounts", "}\0accounts").split("\0")
    )
    assert authorization["auth_callout"]["issuer"] == key.public
    assert set(accounts) == {
        "$SYS",
        applications.SERVICES,
        applications.LISTENING,
        applications.CONSUMING,
    }
