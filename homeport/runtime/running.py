"""``homeport run``: services in one process, from the first try to the last answer."""

import asyncio
import gc
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import structlog
import uvloop

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.runtime import addresses, logs, pauses, probes, services, traces
from homeport.runtime.backoff import Backoff
from homeport.runtime.config import Settings
from homeport.runtime.lifeline import Announcement, Lifeline, Refusal
from homeport.runtime.probes import Probes
from homeport.runtime.services import Service
from homeport.runtime.serving import serve

_YOUNG_OBJECTS = 50_000
"""Objects that are made before the collector looks at them."""

_log = structlog.get_logger()


class Running:
    """The services of this process and what it takes to end them."""

    def __init__(self, names: Sequence[str], lifeline: Lifeline | None) -> None:
        self._lifeline = lifeline
        self._probes = Probes()
        self._waits_for = "the first service"
        self._started = False
        self._stop = asyncio.Event()
        self._services: list[tuple[str, Service, Settings]] = []
        for name in names:
            service = services.load(name)
            self._services.append((name, service, service.SETTINGS.load()))

    async def run(self) -> None:
        """Serve until a signal asks to stop; raise InvalidConfiguration.

        The first signal drains, the second ends the process at once.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 # a coroutine runs in a task
        logs.configure(
            self._services[0][2].log_level,
            service="+".join(name for name, _, _ in self._services),
        )
        self._listen(task)
        self._probes.add("start", self._check_started)
        try:
            await self._serve()
        except asyncio.CancelledError:
            if not self._stop.is_set():
                raise
        _log.info("stopped")

    async def _serve(self) -> None:
        first = self._services[0][2]
        names = "+".join(name for name, _, _ in self._services)
        async with AsyncExitStack() as stack:
            stack.enter_context(traces.exporting(first, service=names))
            port = await stack.enter_async_context(
                serve(
                    probes.application(self._probes), first.probe_host, first.probe_port
                )
            )
            opened: dict[str, str] = {}
            for name, service, settings in self._services:
                self._waits_for = name
                found = await self._enter(stack, name, service, settings)
                opened |= self._named(name, found)
            self._started = True
            settle_memory()
            watching = asyncio.create_task(pauses.watch())
            stack.callback(watching.cancel)
            pages = addresses.url("http", first.probe_host, port)
            _log.info("ready", probes=pages, **opened)
            if self._lifeline is not None:
                self._lifeline.tell(Announcement(pages, opened))
            await self._stop.wait()

    async def _enter(
        self, stack: AsyncExitStack, name: str, service: Service, settings: Settings
    ) -> Mapping[str, str]:
        """Start a service; while a server that it needs is away, keep trying."""
        backoff = Backoff()
        while True:
            try:
                return await stack.enter_async_context(
                    service.service(settings, self._probes)
                )
            except Unavailable as error:
                delay = backoff.delay()
                self._waits_for = f"{name}: {error}"
                _log.warning(
                    "start waits", name=name, reason=str(error), retry_seconds=delay
                )
                await asyncio.sleep(delay)

    def _named(self, name: str, opened: Mapping[str, str]) -> Mapping[str, str]:
        """Tell the addresses of several services apart: two of them speak CoAP."""
        if len(self._services) == 1:
            return opened
        return {f"{name}_{scheme}": url for scheme, url in opened.items()}

    async def _check_started(self) -> None:
        if not self._started:
            raise Unavailable("process", f"is starting {self._waits_for}")

    def _listen(self, task: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number, task)

    def _end(self, number: signal.Signals, task: asyncio.Task[None]) -> None:
        if self._stop.is_set():
            os._exit(128 + number)
        _log.info("draining", signal=number.name)
        self._probes.drain()
        self._stop.set()
        if not self._started:
            task.cancel()


def settle_memory() -> None:
    """Spare the collector what stays for ever, and let young garbage gather.

    Facts and messages die by reference count; a full collection of what an edge
    remembers is a pause of tens of milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


def run(names: Sequence[str], *, lifeline_descriptor: int | None = None) -> None:
    """Run services in this process until it is told to stop.

    Raises InvalidConfiguration, after having told the parent, if there is one.
    """
    lifeline = None if lifeline_descriptor is None else Lifeline(lifeline_descriptor)

    async def main() -> None:
        await Running(services.select(names), lifeline).run()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except InvalidConfiguration as error:
        if lifeline is not None:
            lifeline.tell(Refusal(str(error)))
        raise
