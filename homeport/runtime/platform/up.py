"""``homeport up``: servers first, then the services, until it is told to stop."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, redirect_stdout
from pathlib import Path

import structlog
from rich.console import Console

from homeport.errors import InvalidConfiguration
from homeport.runtime import addresses, logs
from homeport.runtime.config import Settings
from homeport.runtime.embedded import EmbeddedServers
from homeport.runtime.platform import folder, https, identity, plan, ready
from homeport.runtime.platform.https import Https
from homeport.runtime.platform.identity import Identity
from homeport.runtime.platform.output import FileOutput, Lines, Output, PipeOutput
from homeport.runtime.platform.plan import PARTS, Options, Part
from homeport.runtime.platform.ready import Ready
from homeport.runtime.platform.sampling import Sampler
from homeport.runtime.platform.screen import Screen
from homeport.runtime.platform.supervision import Replica

LOOK_SECONDS = 1.0

_log = structlog.get_logger()


class Platform:
    """All processes of one installation."""

    def __init__(
        self,
        options: Options,
        identity: Identity,
        *,
        data: Path,
        output: Output,
        screen: Screen | None,
        shown: Https | None,
    ) -> None:
        self._options = options
        self._https = shown
        self._identity = identity
        self._output = output
        self._screen = screen
        self._ready_files = [data / ready.FILE]
        if options.ready_file is not None:
            self._ready_files.append(options.ready_file.absolute())
        self._servers = EmbeddedServers(
            data,
            redis_url=options.redis_url,
            nats_url=options.nats_url,
            postgres_url=options.postgres_url,
            changed=self._rewrite_ready_files,
        )
        self._replicas: dict[str, list[Replica]] = {part.name: [] for part in PARTS}
        self._fleet: list[Replica] = []
        self._started = {part.name: asyncio.Event() for part in PARTS}
        self._told: dict[str, str] = {}
        self._serving = False
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve until a signal asks to stop; the second one ends everything at once.

        Raises InvalidConfiguration where the processes cannot start as they are told,
        and Unavailable where one of them never gets ready.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 # a coroutine runs in a task
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(
                number, self._end, number, task
            )
        self._remove_ready_files()
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self._servers)
                stack.push_async_callback(self._drain)
                await self._start()
                await self._serve()
        except asyncio.CancelledError:
            if not self._stop.is_set():
                raise
        _log.info("stopped")

    async def _start(self) -> None:
        starting = [asyncio.create_task(self._start_part(part)) for part in PARTS]
        try:
            await asyncio.gather(*starting)
        finally:
            for task in starting:
                task.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    async def _start_part(self, part: Part) -> None:
        """Start a part after those it needs.

        The first replica opens the ports; the others and every restart get the same. So
        no socket only reserves a port: it would swallow the datagrams of its share.
        """
        for name in part.after:
            await self._started[name].wait()
        replicas = self._replicas[part.name]
        first = self._replica(part, 1)
        opened = (await asyncio.shield(first.first)).addresses
        settings = plan.pinned(part, opened)
        first.pin(settings)
        for number in range(2, self._options.scale.get(part.name, 1) + 1):
            self._replica(part, number, **settings)
        await asyncio.gather(*(asyncio.shield(replica.first) for replica in replicas))
        self._told |= plan.told(part, opened)
        self._started[part.name].set()

    def _replica(self, part: Part, number: int, **settings: str) -> Replica:
        environment = plan.environment(
            self._options,
            self._identity,
            redis_url=self._servers.redis_url,
            nats_url=self._servers.nats_url,
            postgres_url=self._servers.postgres_url,
        )
        environment |= plan.given(self._servers.settings)
        environment |= https.told(self._https)
        replica = Replica(
            part.name,
            number,
            environment | self._told | settings,
            line=self._output.line,
            changed=self._rewrite_ready_files,
        )
        self._replicas[part.name].append(replica)
        replica.start()
        return replica

    async def _serve(self) -> None:
        self._serving = True
        self._write_ready_files()
        now = self._describe()
        _log.info(
            "platform ready",
            account_id=now.account_id,
            api=now.api,
            bootstrap=now.bootstrap,
            lwm2m=now.lwm2m,
            ready_file=str(self._ready_files[-1]),
        )
        if self._options.devices:
            self._start_fleet()
        if self._screen is None:
            await self._stop.wait()
            return
        self._screen.summarize(now, nosec=self._options.nosec)
        await self._watch(self._screen, now)
        self._screen.say("stopping …")

    async def _watch(self, screen: Screen, now: Ready) -> None:
        sampler = Sampler(now)
        try:
            while not self._stop.is_set():
                screen.show(await sampler.look(self._pages()))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), LOOK_SECONDS)
        finally:
            await sampler.close()

    def _pages(self) -> list[str]:
        return [
            replica.announcement.probes
            for replicas in self._replicas.values()
            for replica in replicas
            if replica.announcement is not None
        ]

    def _start_fleet(self) -> None:
        fleet = Replica(
            "simulate",
            1,
            os.environ,
            line=self._output.line,
            changed=lambda: None,
            arguments=[
                *(sys.executable, "-P", "-m", "homeport", "simulate"),
                f"--devices={self._options.devices}",
                f"--ready-file={self._ready_files[0]}",
            ],
        )
        fleet.start()
        self._fleet.append(fleet)

    async def _drain(self) -> None:
        self._serving = False
        self._remove_ready_files()
        await _stop_all(self._fleet)
        await _stop_all(self._everybody())

    def _everybody(self) -> list[Replica]:
        return [replica for part in self._replicas.values() for replica in part]

    def _end(self, number: signal.Signals, task: asyncio.Task[None]) -> None:
        if self._stop.is_set():
            for replica in [*self._fleet, *self._everybody()]:
                replica.kill()
            if self._screen is not None:
                self._screen.close()
            os._exit(128 + number)
        _log.info("draining", signal=number.name)
        self._stop.set()
        if not self._serving:
            task.cancel()

    def _describe(self) -> Ready:
        opened = {
            name: {
                scheme: addresses.reachable(url)
                for scheme, url in replicas[0].first.result().addresses.items()
            }
            for name, replicas in self._replicas.items()
        }
        processes = {
            name: [replica.pid for replica in replicas if replica.pid is not None]
            for name, replicas in self._replicas.items()
        }
        servers = {name: [pid] for name, pid in self._servers.processes.items()}
        return Ready(
            account_id=self._identity.account_id,
            api_key=self._identity.api_key,
            api=opened["api"]["http"],
            bootstrap=opened["bootstrap"],
            lwm2m=opened["lwm2m"],
            nats=self._servers.nats_url,
            redis=self._servers.redis_url,
            postgres=self._servers.postgres_url,
            processes=processes | servers,
            api_https=opened["api"].get("https"),
            ca=str(self._https.ca) if self._https else None,
            platform_api_key=self._identity.platform_api_key,
        )

    def _write_ready_files(self) -> None:
        for path in self._ready_files:
            ready.write(path, self._describe())

    def _rewrite_ready_files(self) -> None:
        """Tell of another process id; what cannot be told stops nobody's work."""
        if not self._serving:
            return
        try:
            self._write_ready_files()
        except InvalidConfiguration as error:
            _log.warning("ready file is stale", reason=str(error))

    def _remove_ready_files(self) -> None:
        for path in self._ready_files:
            ready.remove(path)


async def _stop_all(replicas: Sequence[Replica]) -> None:
    await asyncio.gather(*(replica.stop() for replica in replicas))


def up(options: Options) -> None:
    """Run a platform until it is told to stop; raise HomeportError if it cannot."""
    stdout = sys.stdout
    settings = Settings.load()
    with folder.held(options.data) as data:
        plan.require_free_ports(options)
        screen: Screen | None = None
        output: Output
        if stdout.isatty():
            screen = Screen(Console(file=stdout), data)
            output = FileOutput(data / "logs", screen.note)
            screen.open()
        else:
            output = PipeOutput(stdout)
        try:
            with redirect_stdout(Lines(output, "up")):
                logs.configure(settings.log_level, service="up")
            asyncio.run(_run(options, data, output, screen))
        finally:
            output.close()
            if screen is not None:
                screen.close()


async def _run(
    options: Options, data: Path, output: Output, screen: Screen | None
) -> None:
    who = identity.establish(
        data,
        account_id=options.account_id,
        api_key=options.api_key,
        secret_key=options.secret_key,
        platform_api_key=options.platform_api_key,
    )
    shown = https.establish(data, options.host) if _makes_https(options) else None
    await Platform(
        options, who, data=data, output=output, screen=screen, shown=shown
    ).run()


def _makes_https(options: Options) -> bool:
    """Say whether a certificate has to be made: one is wanted, and none is brought."""
    return options.https and https.CERTIFICATE not in os.environ
