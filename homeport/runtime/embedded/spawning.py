"""How a program of the wheels is begun: alone on its data, and tied to us."""

import asyncio
import fcntl
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from homeport.runtime.embedded import tether
from homeport.runtime.embedded.users import User

LOOK_SECONDS = 0.02
_TETHER = (sys.executable, "-I", "-S", tether.__file__)


@asynccontextmanager
async def alone(path: Path) -> AsyncIterator[int]:
    """Wait until nobody holds this lock file; yield the descriptor that does.

    A program inherits it and so do its children: a lock that can be had says that every
    process of the one before is gone, however it ended.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _have(descriptor):  # noqa: ASYNC110 # another process lets go of it
            await asyncio.sleep(LOOK_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


async def spawn(
    command: Sequence[str],
    *,
    user: User,
    stop: signal.Signals,
    folder: Path,
    output: int,
    lock: int,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Process:
    """Begin a program that gets the signal ``stop`` at the death of this process.

    On Linux it is the death of this thread that counts. Our own environment is kept
    from it: settings and keys are not its business.
    """
    tied = map(str, (os.getpid(), stop.value, user.user_id, user.group_id))
    return await asyncio.create_subprocess_exec(
        *(*_TETHER, *tied, *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=output,
        stderr=output,
        cwd=folder,
        env={"LC_ALL": "C", "PATH": os.defpath, **environment},
        pass_fds=(lock,),
        start_new_session=True,  # a terminal's Ctrl-C is for the parent alone
    )


def _have(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
