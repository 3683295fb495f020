"""Deployments of pods that are processes: scaled, rolled out, and short of a pod."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from itertools import chain

from tests.support import chart
from tests.support.chart import Object
from tests.support.pods import Names, Pod, Release
from tests.support.polling import until
from tests.support.system import FAULTS

DEADLINE_SECONDS = 60


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


def _host() -> str:
    """Take an address that nobody else has taken."""
    return "127." + ".".join(str(1 + secrets.randbelow(254)) for _ in range(3))
