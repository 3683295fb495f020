"""The `homeport` command as a child process, as an operator or Kubernetes starts it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.support.polling import until

START_SECONDS = 60.0
END_SECONDS = 30.0

Event = Mapping[str, Any]


class Command:
    """A running command and the JSON lines that it has logged so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[Event] = []
        self._grown = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def logged(self, wanted: Callable[[Event], bool]) -> Event:
        """Wait for a line; fail when the command ends without it."""
        async with asyncio.timeout(START_SECONDS), self._grown:
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                if self._reading.done():
                    raise AssertionError(f"ended without it: {self.events}")
                await self._grown.wait()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(END_SECONDS):
            await self._reading
            return await self.process.wait()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._grown:
                self.events.append(orjson.loads(line))
                self._grown.notify_all()
        async with self._grown:
            self._grown.notify_all()


@asynccontextmanager
async def homeport(*arguments: str, **environment: str) -> AsyncIterator[Command]:
    """Run a command; whatever happens, it has ended when this is left."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "homeport", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
        limit=2**22,
    )
    command = Command(process)
    try:
        yield command
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(command._reading, END_SECONDS)
        except TimeoutError:
            process.kill()
        async with asyncio.timeout(END_SECONDS):  # a child of its may have our pipe
            await process.wait()


@asynccontextmanager
async def platform(
    folder: Path, *arguments: str, **environment: str
) -> AsyncIterator[tuple[Command, dict[str, Any]]]:
    """Run `homeport up` on free ports; yield it and what its ready file tells."""
    async with homeport(
        *("up", "--data", str(folder / "data"), "--ports", "auto"),
        *("--ready-file", str(folder / "ready.json"), *arguments),
        **environment,
    ) as command:
        await command.logged(event_is("platform ready"))
        yield command, content(folder / "ready.json")


def event_is(name: str) -> Callable[[Event], bool]:
    """Match a logged line by its event."""
    return lambda event: event["event"] == name


def content(path: Path) -> dict[str, Any]:
    """Read a ready file; nothing is in it before it is there."""
    try:
        read: dict[str, Any] = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return read


async def gone(*pids: int) -> None:
    """Wait until processes have ended, whether or not anybody has asked how."""

    async def ended() -> bool:
        return not any(map(alive, pids))

    await until(ended, seconds=END_SECONDS)


def alive(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):  # it may end while it is read
        return False
    return state != "Z"
