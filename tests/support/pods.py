"""Pods as processes: what a kubelet and a Deployment do with what the chart renders.

Every pod has an address of its own on loopback, and the ports that the chart says.
"""

import asyncio
import os
import secrets
import signal
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import httpx

from homeport.runtime.config import PREFIX
from tests.support import chart
from tests.support.balancer import EACH_ANEW
from tests.support.chart import Object
from tests.support.homeport import Command
from tests.support.polling import until
from tests.support.system import FAULTS

PACE = 0.1
"""Of a second of a probe's period: none of them is a value of the chart."""
DEADLINE_SECONDS = 60

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
            for name, address in names.items():
                value = value.replace(name, address)
            told[each["name"]] = value
        return told

    def _secret(self, variable: Object) -> str:
        reference = variable["valueFrom"]["secretKeyRef"]
        return self._secrets[reference["name"]][reference["key"]]


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

    async def run(self, environment: Mapping[str, str]) -> int:
        """Run a process to its end, as a Job does; return its code."""
        process = await _begin(self._container["args"], environment)
        await process.communicate()
        assert process.returncode is not None
        return process.returncode

    async def end(self) -> int:
        """Delete it: not ready any more, preStop, SIGTERM; return how it ended."""
        self.ending = True
        self._changed()
        try:
            async with asyncio.timeout(self._grace):
                before = self._container["lifecycle"]["preStop"]["httpGet"]
                await self._get(before, seconds=self._grace)
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
            self._keeping.cancel()
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
        for _ in range(probe["failureThreshold"] * 10):
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


class Deployment:
    """The pods of a service; ``change`` gets those that are ready, and all that run."""

    def __init__(
        self,
        name: str,
        release: Release,
        names: Names,
        change: Callable[[Sequence[str], Sequence[str]], None],
    ) -> None:
        self.name = name
        self.pods: list[Pod] = []
        self._faults: list[str] = []
        self._release = release
        self._names = names
        self._change = change

    @property
    def faults(self) -> list[str]:
        """What somebody has to look into, of pods that are there or gone."""
        return [*self._faults, *chain.from_iterable(map(_faults, self.pods))]

    @property
    def wanted(self) -> int:
        """How many pods the chart wants."""
        return int(self._spec["replicas"])

    @property
    def hosts(self) -> list[str]:
        """The addresses of the pods that are to be there."""
        return [pod.host for pod in self.pods if not pod.ending]

    async def scale(self, replicas: int) -> None:
        """Have so many pods, all of them available; the newest are the first to go."""
        pods = [pod for pod in self.pods if not pod.ending]
        if replicas < len(pods):
            await asyncio.gather(*(self._end(pod) for pod in pods[replicas:]))
            return
        added = replicas - len(pods)
        made = await asyncio.gather(*(self._start() for _ in range(added)))
        await asyncio.gather(*map(self._available, made))

    async def roll_out(self, release: Release) -> None:
        """Replace all pods by those of another release, one at a time.

        One more than wanted may be there, and never one less: the chart says so.
        """
        self._release = release
        strategy = self._spec["strategy"]["rollingUpdate"]
        assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
        ends = []
        for pod in list(self.pods):
            await self._available(await self._start())
            ends.append(asyncio.create_task(self._end(pod)))
        await asyncio.gather(*ends)

    async def kill(self) -> None:
        """Kill a pod, and wait until another one has its place."""
        pod = self.pods[0]
        await pod.kill()
        self._forget(pod)
        await self._available(await self._start())

    async def close(self) -> None:
        """End all pods at once."""
        await asyncio.gather(*(pod.kill() for pod in self.pods))

    @property
    def _spec(self) -> Object:
        spec: Object = chart.named(self._release.objects, "Deployment", self.name)[
            "spec"
        ]
        return spec

    async def _start(self) -> Pod:
        template = self._release.template("Deployment", self.name)
        pod = Pod(template, host=_host(), changed=self._changed)
        self.pods.append(pod)
        names = {"0.0.0.0": pod.host, **self._names}
        (container,) = template["spec"]["containers"]
        await pod.start(self._release.environment(container, names))
        return pod

    async def _available(self, pod: Pod) -> None:
        """Wait until a pod has been ready for long enough."""
        least, loop = self._spec["minReadySeconds"], asyncio.get_running_loop()

        async def available() -> bool:
            assert pod.runs, pod.command.events
            return pod.ready and loop.time() - pod.ready_since >= least

        await until(available, seconds=DEADLINE_SECONDS)

    async def _end(self, pod: Pod) -> None:
        code = await pod.end()
        if code != 0:
            pod.faults.append(f"ended with {code}")
        self._forget(pod)

    def _forget(self, pod: Pod) -> None:
        self.pods.remove(pod)
        self._faults += _faults(pod)
        self._changed()

    def _changed(self) -> None:
        there = [pod for pod in self.pods if pod.runs and (pod.ready or pod.ending)]
        self._change(
            [pod.host for pod in there if not pod.ending], [pod.host for pod in there]
        )


def _faults(pod: Pod) -> list[str]:
    """Return what a pod did wrong, and what it logged that has no place there."""
    return pod.faults + [
        str(event)
        for event in pod.command.events
        if event.get("level") in FAULTS or "exception" in event
    ]


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


def _host() -> str:
    """Take an address that nobody else has taken."""
    return "127." + ".".join(str(1 + secrets.randbelow(254)) for _ in range(3))


def _secrets(objects: Sequence[Object]) -> Iterator[tuple[str, dict[str, str]]]:
    for each in chart.of_kind(objects, "Secret"):
        content = dict(each.get("stringData", {}))
        for key, value in each.get("data", {}).items():
            content[key] = b64decode(value).decode()
        yield each["metadata"]["name"], content
