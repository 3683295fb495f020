"""A tethered program ends with its parent, on any system."""

import asyncio
import os
import signal
import sys

import pytest

from homeport.runtime.embedded import tether
from tests.support.homeport import alive, gone

PARENT = """
import os, subprocess, sys
system, path, *command = sys.argv[1:]
tethered = subprocess.Popen(
    [
        *(sys.executable, "-c"),
        "import runpy, sys; sys.platform, sys.argv = sys.argv[1], sys.argv[2:];"
        "runpy.run_path(sys.argv[0], run_name='__main__')",
        *(system, path, str(os.getpid())),
        *("15", str(os.geteuid()), str(os.getegid())),
        *command,
    ],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
)
tethered.stdout.readline()
print(tethered.pid, flush=True)
tethered.wait()
"""
PROGRAM = ("/bin/sh", "-c", "echo begun; exec sleep 60")


async def started(system: str) -> tuple[asyncio.subprocess.Process, int]:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, system, tether.__file__, *PROGRAM),
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    return parent, int(await parent.stdout.readline())


@pytest.mark.parametrize("system", ["another", sys.platform])
async def test_a_program_ends_with_its_parent(system: str) -> None:
    parent, pid = await started(system)
    assert alive(pid)
    parent.kill()
    await parent.wait()
    await gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="others hear of it at once")
async def test_one_whose_parent_is_gone_already_does_not_begin() -> None:
    never = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            tether.__file__,
            str(os.getppid()),
            str(signal.SIGTERM.value),
        ),
        *(str(os.geteuid()), str(os.getegid()), *PROGRAM),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await never.communicate()
    assert (never.returncode, said) == (128 + signal.SIGTERM, b"")
