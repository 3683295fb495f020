"""A process of ours, kept alive: started, listened to, restarted, drained."""

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import structlog

from homeport.errors import InvalidConfiguration, InvalidFormat, Unavailable
from homeport.runtime import lifeline
from homeport.runtime.backoff import Backoff
from homeport.runtime.lifeline import Announcement, Refusal
from homeport.runtime.tasks import vital

DRAIN_SECONDS = 10.0
MOST_FALSE_STARTS = 5
"""A process that ended so often before it was ever ready never will be."""
LONGEST_LINE = 2**20

Line = Callable[[str, bytes], None]
"""Takes what a process has printed: its name and one line."""

_log = structlog.get_logger()


def command(name: str) -> list[str]:
    """Return the command line that runs a service; the current folder is no package."""
    return [sys.executable, "-P", "-m", "homeport", "run", name]


class Replica:
    """One of the processes of a service.

    ``first`` is done once the process is ready for the first time, with its
    announcement, or once that is not to be expected, with the error.
    """

    def __init__(
        self,
        name: str,
        number: int,
        environment: Mapping[str, str],
        *,
        line: Line,
        changed: Callable[[], None],
        arguments: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.first: asyncio.Future[Announcement] = asyncio.Future()
        self.announcement: Announcement | None = None
        self._label = f"{name}-{number}"
        self._environment = dict(environment)
        self._line = line
        self._changed = changed
        self._arguments = command(name) if arguments is None else list(arguments)
        self._process: Process | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the process is ready."""
        if self._process is None or self.announcement is None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Begin to keep it alive."""
        self._task = vital(self._supervise())

    def pin(self, settings: Mapping[str, str]) -> None:
        """Have every restart open what is open now."""
        self._environment |= settings

    async def stop(self) -> None:
        """Let it drain, and kill it if that takes too long."""
        self._stopping = True
        if self._task is None:
            return
        if self._process is None:
            self._task.cancel()
        else:
            self._signal(signal.SIGTERM)
        _, late = await asyncio.wait([self._task], timeout=DRAIN_SECONDS)
        if late:
            _log.warning("process killed", process=self._label, seconds=DRAIN_SECONDS)
            self.kill()
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    def kill(self) -> None:
        """End it at once."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _supervise(self) -> None:
        backoff, false_starts = Backoff(), 0
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            code = await self._live()
            if self._stopping:
                return
            if not self.first.done():
                false_starts += 1
                if false_starts == MOST_FALSE_STARTS:
                    self._give_up(code)
            if self.first.done() and self.first.exception():
                return
            delay = backoff.delay(worked_seconds=loop.time() - begun)
            _log.warning(
                "process ended", process=self._label, code=code, restart_seconds=delay
            )
            await asyncio.sleep(delay)

    async def _live(self) -> int:
        """Run the process once; return its exit code."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._arguments,
                f"--lifeline={theirs.fileno()}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # a terminal's Ctrl-C is for the parent alone
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            await asyncio.gather(self._forward(process), self._hear(reader))
            return await process.wait()
        finally:
            writer.close()
            self._process = self.announcement = None

    async def _forward(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 # asked for above
        async for line in _lines(process.stdout):
            self._line(self._label, line)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        async for line in _lines(reader):
            try:
                word = lifeline.parse(line)
            except InvalidFormat as error:
                _log.warning("lifeline", process=self._label, reason=str(error))
                continue
            match word:
                case Announcement():
                    self._announce(word)
                case Refusal(sentence):
                    self._refuse(sentence)

    def _announce(self, announcement: Announcement) -> None:
        self.announcement = announcement
        if not self.first.done():
            self.first.set_result(announcement)
        self._changed()

    def _refuse(self, sentence: str) -> None:
        if not self.first.done():
            self.first.set_exception(InvalidConfiguration(f"{self.name}:", sentence))

    def _give_up(self, code: int) -> None:
        reason = (
            f"ended {MOST_FALSE_STARTS} times before it was ready, last with {code}"
        )
        self.first.set_exception(Unavailable(self.name, reason))


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Split what arrives into lines; one that does not end is cut."""
    kept = b""
    while chunk := await reader.read(2**16):
        *whole, kept = (kept + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(kept) > LONGEST_LINE:
            yield kept
            kept = b""
    if kept:
        yield kept
