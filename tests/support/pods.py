"""Pods as processes: what a kubelet does with what the chart renders.

Every pod has an address of its own on loopback, and the ports that the chart says.
"""

import asyncio
import os
import signal
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx

from homeport.runtime.config import PREFIX
from homeport.runtime.tasks import end
from tests.support import chart
from tests.support.balancer import EACH_ANEW
from tests.support.chart import Object
from tests.support.homeport import Command

PACE = 0.1
"""Of a second of a probe's period: none of them is a value of the chart."""
LONGEST_RUN_SECONDS = 60
"""For what ends by itself."""

Names = Mapping[str, str]
"""What stands for DNS, and for the addresses of pods."""


class Release:
    """What Helm has rendered, and Secrets that operators made before."""

    def __init__(
        self, objects: Sequence[Object], existing: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.objects = objects
        self._secrets = {**existing, **dict(_secrets(objects))}

    def template(self, kind: str, name: str) -> Object:
        """Return what the pods of a workload are made of."""
        made: Object = chart.named(self.objects, kind, name)["spec"]["template"]
        return made

    def environment(self, container: Object, names: Names) -> dict[str, str]:
        """Return what a container is told, with the addresses that names stand for."""
        told = {}
        for each in container["env"]:
            value = each["value"] if "value" in each else self._secret(each)
            if value is None:
                continue
            for name, address in names.items():
                value = value.replace(name, address)
            told[each["name"]] = value
        return told

    def _secret(self, variable: Object) -> str | None:
        reference = variable["valueFrom"]["secretKeyRef"]
        content = self._secrets[reference["name"]]
        if reference.get("optional"):
            return content.get(reference["key"])
        return content[reference["key"]]


class Pod:
    """A process with the command, environment, probes and hooks of its container.

    It is ``ready`` as its probe says, and ``ending`` from the moment it is deleted.
    """

    def __init__(
        self, template: Object, *, host: str, changed: Callable[[], None]
    ) -> None:
        (self._container,) = template["spec"]["containers"]
        self._grace: float = template["spec"].get("terminationGracePeriodSeconds", 30)
        self.host = host
        self.ready = False
        self.ready_since = 0.0
        self.ending = False
        self.faults: list[str] = []
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._pages = httpx.AsyncClient(trust_env=False, limits=EACH_ANEW)
        self._command: Command | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def command(self) -> Command:
        """The process, once it was started."""
        assert self._command is not None
        return self._command

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        command = self._command
        return command is not None and command.process.returncode is None

    async def start(self, environment: Mapping[str, str]) -> None:
        """Begin the process, and to look at it."""
        self._command = Command(await _begin(self._container["args"], environment))
        self._keeping = asyncio.create_task(self._keep())

    async def end(self) -> int:
        """Delete it: not ready any more, preStop, SIGTERM; return how it ended."""
        self.ending = True
        self._changed()
        try:
            async with asyncio.timeout(self._grace):
                before = self._container["lifecycle"]["preStop"]["httpGet"]
                if await self._get(before, seconds=self._grace) != 200:
                    self.faults.append("was not drained")
                self.command.process.send_signal(signal.SIGTERM)
                await self.command.process.wait()
        except TimeoutError:
            self.faults.append(f"had to be killed after {self._grace} s")
        return await self.kill()

    async def kill(self) -> int:
        """Let it die without a word, unless it has ended; return how."""
        self.ending = True
        code = await self.command.end(signal.SIGKILL)
        if self._keeping is not None:
            await end(self._keeping)
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._pages.aclose()
        self._be(ready=False)
        return code

    async def _keep(self) -> None:
        """Look whether it is alive and ready, as often as its probes say."""
        container = self._container
        await self._started(container["startupProbe"])
        await asyncio.gather(
            self._alive(container["livenessProbe"]),
            self._whether_ready(container["readinessProbe"]),
        )

    async def _started(self, probe: Mapping[str, Any]) -> None:
        for _ in range(round(probe["failureThreshold"] / PACE)):
            if await self._passes(probe):
                return
            await _period(probe)
        self.faults.append("did not start")

    async def _alive(self, probe: Mapping[str, Any]) -> None:
        failures = 0
        while failures < probe["failureThreshold"]:
            passed = self.ending or await self._passes(probe)
            failures = 0 if passed else failures + 1
            await _period(probe)
        self.faults.append("was not live")

    async def _whether_ready(self, probe: Mapping[str, Any]) -> None:
        while True:
            self._be(ready=await self._passes(probe))
            await _period(probe)

    def _be(self, *, ready: bool) -> None:
        if ready is not self.ready:
            self.ready, self.ready_since = ready, self._loop.time()
            self._changed()

    async def _passes(self, probe: Mapping[str, Any]) -> bool:
        try:
            seconds = probe.get("timeoutSeconds", 1)
            return await self._get(probe["httpGet"], seconds=seconds) < 400
        except httpx.TransportError:
            return False

    async def _get(self, page: Mapping[str, Any], *, seconds: float) -> int:
        (port,) = (
            port["containerPort"]
            for port in self._container["ports"]
            if port["name"] == page["port"]
        )
        url = f"http://{self.host}:{port}{page['path']}"
        return (await self._pages.get(url, timeout=seconds)).status_code


async def run_job(release: Release, name: str) -> int:
    """Run the process of a Job to its end; return its code."""
    (container,) = release.template("Job", name)["spec"]["containers"]
    return await run(container["args"], release.environment(container, {}))


async def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run what ends by itself; return its code."""
    process = await _begin(arguments, environment)
    try:
        async with asyncio.timeout(LONGEST_RUN_SECONDS):
            await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode


async def _begin(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> asyncio.subprocess.Process:
    """Run what the image runs, which has nothing of our settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(PREFIX)
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "homeport", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**inherited, **environment},
        limit=2**22,
    )


async def _period(probe: Mapping[str, Any]) -> None:
    await asyncio.sleep(probe["periodSeconds"] * PACE)


def _secrets(objects: Sequence[Object]) -> Iterator[tuple[str, dict[str, str]]]:
    for each in chart.of_kind(objects, "Secret"):
        content = dict(each.get("stringData", {}))
        for key, value in each.get("data", {}).items():
            content[key] = b64decode(value).decode()
        yield each["metadata"]["name"], content
