"""A server kept alive: started alone on its data, awaited, restarted, stopped."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Callable

import structlog

from homeport.errors import Unavailable
from homeport.runtime.backoff import Backoff
from homeport.runtime.embedded.server import Server
from homeport.runtime.embedded.spawning import LOOK_SECONDS, alone, spawn
from homeport.runtime.tasks import end, vital

START_SECONDS = 60.0
"""A server that was killed has first to read what it wrote."""
STOP_SECONDS = 10.0
LAST_BYTES = 1000

_log = structlog.get_logger()


class Child:
    """One server."""

    def __init__(
        self, server: Server, *, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.url = server.url
        self.settings = server.settings
        self._name = server.site.name
        self._server = server
        self._changed = changed
        self._process: Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Have it serve, and keep it alive; raise Unavailable with what it said."""
        await self._start()
        self._keeping = vital(self._keep())

    async def stop(self) -> None:
        """End it in order, or by force if that takes too long."""
        if self._keeping is not None:
            await end(self._keeping)
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._stop()

    async def _keep(self) -> None:
        """Start it again whenever it ends, where it was."""
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while True:
            begun = loop.time()
            code = await self._ended()
            delay = backoff.delay(worked_seconds=loop.time() - begun)
            _log.warning(
                "server ended", server=self._name, code=code, restart_seconds=delay
            )
            await asyncio.sleep(delay)
            try:
                await self._start()
            except (Unavailable, OSError) as error:
                _log.warning(
                    "server does not start", server=self._name, reason=str(error)
                )
            else:
                _log.info("server back", server=self._name)
                self._changed()

    async def _ended(self) -> int | None:
        if self._process is None:
            return None
        code = await self._process.wait()
        self._process = None
        return code

    async def _start(self) -> None:
        log = self._server.site.open_log()
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._spawn(log)
                await self._serves(os.fstat(log).st_size)
        except TimeoutError as error:
            await self._stop()
            reason = f"does not serve within {START_SECONDS:.0f} s"
            raise Unavailable(self._name, reason) from error
        except BaseException:
            await self._stop()
            raise
        finally:
            os.close(log)

    async def _spawn(self, log: int) -> None:
        server = self._server
        async with alone(server.site.lock) as lock:
            if server.leftover is not None:
                server.leftover.unlink(missing_ok=True)
            self._process = await spawn(
                server.command,
                environment=server.environment,
                user=server.user,
                stop=server.stop,
                folder=server.site.folder,
                output=log,
                lock=lock,
            )

    async def _serves(self, log_position: int) -> None:
        assert self._process is not None  # noqa: S101 # just begun
        while self._process.returncode is None:
            try:
                return await self._server.ask(self._server.url)
            except self._server.faults:
                await asyncio.sleep(LOOK_SECONDS)
        with self._server.site.log.open("rb") as file:
            file.seek(log_position)
            said = file.read()[-LAST_BYTES:].decode(errors="replace").strip()
        raise Unavailable(
            self._name, f"ended with {self._process.returncode}, and said:\n{said}"
        )

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _signal(process, self._server.stop)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            _log.warning("server killed", server=self._name, seconds=STOP_SECONDS)
            _signal(process, signal.SIGKILL)
            await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
