"""The chart installed on pods that are processes, and devices that live meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx

from homeport.client import AsyncClient
from homeport.names import AccountId
from homeport.simulator import journal
from homeport.simulator.factory import SharedCertificate
from homeport.simulator.fleet import Fleet
from homeport.simulator.options import ConnectionIds, FleetOptions, Habit, Target
from homeport.simulator.report import HANDSHAKE
from tests.support import chart, customer
from tests.support.balancer import Endpoints, Ingress, UdpBalancer, udp_balancer
from tests.support.chart import Object
from tests.support.journal import (
    Answer,
    answers,
    everything_told,
    in_order,
    told,
    untold,
)
from tests.support.keyring import SECRET_KEY
from tests.support.pods import Deployment, Pod, Release
from tests.support.polling import until
from tests.support.system import CALLBACK, Application
from tests.support.webhook import webhook

SERVICES = ("directory", "lwm2m", "bootstrap", "notifier", "expiry")
HOSTS = {
    "lwm2m": ("lwm2m.example.com:5684", 5684),
    "bootstrap": ("bootstrap.example.com:5784", 5784),
}
"""Where devices reach the edges, and the port of their pods."""
LAG_SECONDS = 0.6
"""How late a load balancer hears of pods."""
DRAIN_SECONDS = 1
"""How long a pod goes on for that; more than the lag."""
IDLE_SECONDS = 1.4
"""How long a flow is remembered; less than a device's pauses."""
TURN_SECONDS = 3.0
ARRIVALS_PER_SECOND = 30
ENOUGH = 40
"""Answers after the last change."""
PACE = 0.1
EXPIRED = "registrations-expired"

_ACCOUNT = AccountId("ac" * 16)
_API_KEY = f"ak_1{_ACCOUNT[:16]}{'5e' * 16}"
_EXISTING = {
    "homeport": {"secret-key": SECRET_KEY, "account-id": _ACCOUNT, "api-key": _API_KEY}
}
_VALUES: Mapping[str, Any] = {
    "addresses": {name: f"coaps://{host}" for name, (host, _) in HOSTS.items()},
    "secrets": {"existingSecret": "homeport"},
    "ingress": {"enabled": True, "host": "api.example.com"},
    "networkPolicies": {"enabled": False},
    "settings": {
        "HOMEPORT_WEBHOOK_NETWORKS": "127.0.0.0/8",
        "HOMEPORT_EXPIRY_GRACE_SECONDS": 0,
    },
    "defaults": {"replicas": 1, "drainSeconds": DRAIN_SECONDS},
    "services": {
        "lwm2m": {
            "replicas": 2,
            "drainSeconds": DRAIN_SECONDS,
            "minReadySeconds": 1,
        },
        "bootstrap": {"drainSeconds": DRAIN_SECONDS, "minReadySeconds": 1},
    },
}


class Kind(StrEnum):
    """Devices with connection ids and without, and such as leave without a word."""

    WITH_IDS = "with-ids"
    WITHOUT_IDS = "without-ids"
    LEAVING = "leaving"


_FLEETS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.WITH_IDS: {
        "devices": 40,
        "mix": {Habit.UPDATE: 80, Habit.CHANGE: 15, Habit.REBIND: 5},
        "connection_ids": ConnectionIds.BOTH,
    },
    Kind.WITHOUT_IDS: {
        "devices": 20,
        "mix": {Habit.UPDATE: 85, Habit.CHANGE: 15},
        "connection_ids": ConnectionIds.NONE,
    },
    Kind.LEAVING: {"devices": 10, "mix": {Habit.VANISH: 1}, "lifetime": 4},
}
DEVICES = sum(each["devices"] for each in _FLEETS.values())


class Strayed(NamedTuple):
    """Datagrams to pods that were not ready any more, and to pods that were gone."""

    late: int = 0
    missed: int = 0


class Installation:
    """The chart's Deployments, and the load balancers before them."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._values = chart.merged(
            _VALUES, {server: {"url": url} for server, url in urls.items()}
        )
        self._version = 1
        self.deployments: dict[str, Deployment] = {}
        self.balancers: dict[str, UdpBalancer] = {}
        self._endpoints = {name: Endpoints(lag=LAG_SECONDS) for name in SERVICES}
        self._release = self.render()

    def render(self) -> Release:
        """Render the chart for an image with another tag than before."""
        changes = {"image": {"tag": f"{self._version}"}}
        self._version += 1
        return Release(chart.render(chart.merged(self._values, changes)), _EXISTING)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Migrate, and have as many pods as the chart says; leave none behind."""
        job = self._release.template("Job", "migrate")
        (container,) = job["spec"]["containers"]
        migration = Pod(job, host="", changed=lambda: None)
        assert await migration.run(self._release.environment(container, {})) == 0
        async with AsyncExitStack() as stack:
            names = {}
            for name, (host, port) in HOSTS.items():
                self.balancers[name] = stack.enter_context(
                    udp_balancer(self._endpoints[name], port, idle=IDLE_SECONDS)
                )
                names[host] = self.balancers[name].address
            for name in SERVICES:
                change = self._endpoints[name].change
                made = Deployment(name, self._release, names, change)
                self.deployments[name] = made
                stack.push_async_callback(made.close)
            await asyncio.gather(
                *(each.scale(each.wanted) for each in self.deployments.values())
            )
            await self.until_known()
            yield self

    async def until_known(self) -> None:
        """Wait until every load balancer knows the pods that there are."""

        async def known() -> bool:
            return all(
                self._endpoints[name].known.ready == set(each.hosts)
                for name, each in self.deployments.items()
            )

        await until(known)

    @property
    def faults(self) -> Mapping[str, list[str]]:
        """What went wrong, by service."""
        found = {name: each.faults for name, each in self.deployments.items()}
        return {name: faults for name, faults in found.items() if faults}

    @property
    def strayed(self) -> Strayed:
        """What load balancers have sent where it should not go, up to now."""
        balancers = self.balancers.values()
        return Strayed(
            sum(each.late for each in balancers), sum(each.missed for each in balancers)
        )

    @property
    def bootstrap(self) -> str:
        """Where devices begin."""
        return f"coaps://{self.balancers['bootstrap'].address}?aid={_ACCOUNT}"

    def ingress(self) -> Ingress:
        """Make a way to the API by the chart's Ingress."""
        (rendered,) = chart.of_kind(self._release.objects, "Ingress")
        (rule,) = rendered["spec"]["rules"]
        routes = {
            each["path"]: self._endpoints[self._service(each["backend"])]
            for each in rule["http"]["paths"]
        }
        return Ingress(routes, 8080)

    def _service(self, backend: Object) -> str:
        """Return whose pods a Service selects."""
        (found,) = (
            each["spec"]["selector"]["app.kubernetes.io/component"]
            for each in chart.of_kind(self._release.objects, "Service")
            if each["metadata"]["name"] == backend["service"]["name"]
        )
        return str(found)

    @asynccontextmanager
    async def application(self) -> AsyncIterator[Application]:
        """Open the API, and a webhook that is told of everything from now on."""
        url = "http://api.example.com"
        async with (
            httpx.AsyncClient(
                base_url=url,
                headers={"authorization": f"Bearer {_API_KEY}"},
                transport=self.ingress(),
                timeout=20,
            ) as api,
            AsyncClient(url, _API_KEY, transport=self.ingress()) as client,
            webhook() as opened,
        ):
            cfg = {"deregistrations_as_object": True, "include_uid": True}
            body = {"url": opened.url, "serialization": {"type": "v2", "cfg": cfg}}
            answer = await api.put(CALLBACK, json=body)
            assert answer.status_code == 204, answer.text
            yield Application(api, client, opened, _ACCOUNT)
            assert (await api.delete(CALLBACK)).status_code == 204


@dataclass(frozen=True, slots=True)
class Figures:
    """What something has cost; times are milliseconds."""

    answers: int
    events_lost: int
    handshakes_again: int
    handshakes_again_without_ids: int
    retransmissions: int
    worst_answer_ms: float
    worst_handshake_ms: float
    late: int
    missed: int
    calls: int
    refusals: Sequence[str]


@dataclass(slots=True)
class Trial:
    """Devices and callers that live while something is done to the pods."""

    application: Application
    installation: Installation
    fleets: dict[Kind, Fleet] = field(default_factory=dict)
    journals: dict[Kind, Path] = field(default_factory=dict)
    lives: list[asyncio.Task[None]] = field(default_factory=list)
    calls: int = 0
    refusals: list[str] = field(default_factory=list)
    strayed_before: Strayed = field(default_factory=Strayed)

    def arrive(self, *kinds: Kind) -> None:
        """Let devices come, and live from then on."""
        for kind in kinds:
            self.lives.append(asyncio.create_task(self.fleets[kind].run()))

    async def until_home(self) -> None:
        """Wait until every device has registered."""

        async def home() -> bool:
            return all(each.report.all_home for each in self.fleets.values())

        await until(home, seconds=30)

    async def go_on(self) -> None:
        """Wait for more answers, as a proof that life goes on."""
        wanted = self._operations() + ENOUGH

        async def enough() -> bool:
            return self._operations() >= wanted

        await until(enough, seconds=30)

    def answered(self) -> Mapping[str, Sequence[Answer]]:
        """Return what devices were answered, by the names that bootstrap gave them."""
        fleets = self.fleets.values()
        names = set(chain.from_iterable(each.endpoint_names for each in fleets))
        return {
            name: each
            for path in self.journals.values()
            for name, each in answers(path).items()
            if name in names
        }

    async def figures(self) -> Figures:
        """Say what it has cost, once everybody has stopped."""
        answered = self.answered()
        assert len(answered) == DEVICES
        await everything_told(self.application, answered)
        for name in self.fleets[Kind.LEAVING].endpoint_names:
            await self._expired(name)
        in_order(self.application)
        strayed = self.installation.strayed
        reports = [fleet.report for fleet in self.fleets.values()]
        return Figures(
            answers=sum(map(len, answered.values())),
            events_lost=len(untold(self.application, answered)),
            handshakes_again=self._again(Kind.WITH_IDS, answered),
            handshakes_again_without_ids=self._again(Kind.WITHOUT_IDS, answered),
            retransmissions=sum(each.repeated.total() for each in reports),
            worst_answer_ms=max(
                latencies.percentile(100)
                for each in reports
                for operation, latencies in each.latencies.items()
                if operation != HANDSHAKE
            ),
            worst_handshake_ms=max(
                each.latencies[HANDSHAKE].percentile(100) for each in reports
            ),
            late=strayed.late - self.strayed_before.late,
            missed=strayed.missed - self.strayed_before.missed,
            calls=self.calls,
            refusals=self.refusals,
        )

    async def call(self) -> None:
        """Call the API until cancelled: the directory, and the notifier."""
        while True:
            for path in ("/v3/devices/?limit=1", CALLBACK):
                self.calls += 1
                try:
                    answer = await self.application.api.get(path)
                except httpx.TransportError as error:
                    self.refusals.append(repr(error))
                else:
                    if answer.status_code != 200:
                        self.refusals.append(answer.text)
                await asyncio.sleep(PACE)

    async def _expired(self, device: str) -> None:
        """Wait until a registration has expired; it does so once."""

        async def expired() -> bool:
            found = told(self.application).get(device, ())
            return [kind for kind, _ in found] == ["registrations", EXPIRED]

        await until(expired)

    def _again(self, kind: Kind, answered: Mapping[str, Sequence[Answer]]) -> int:
        """Count the handshakes with the LwM2M server after each device's first."""
        names = self.fleets[kind].endpoint_names
        return sum(
            [operation for operation, _ in answered[name]].count(HANDSHAKE) - 1
            for name in names
        )

    def _operations(self) -> int:
        return sum(each.report.operations for each in self.fleets.values())


@asynccontextmanager
async def living(
    installation: Installation, application: Application, folder: Path
) -> AsyncIterator[Trial]:
    """Let callers call, and devices wait to arrive; left, all of them have stopped."""
    made = Trial(application, installation, strayed_before=installation.strayed)
    shared = await customer.developer_certificate(application.api, folder.name)
    with ExitStack() as stack:
        for kind, options in _FLEETS.items():
            path = folder / f"journal-{kind}"
            wanted = FleetOptions(
                target=Target(bootstrap=installation.bootstrap),
                prefix=f"{folder.name}-{kind}",
                turn=TURN_SECONDS,
                starts_per_second=ARRIVALS_PER_SECOND,
                factory=SharedCertificate(shared),
                **options,
            )
            note = stack.enter_context(journal.opened(path))
            made.fleets[kind] = stack.enter_context(Fleet(wanted, journal=note))
            made.journals[kind] = path
        calling = asyncio.create_task(made.call())
        try:
            yield made
        finally:
            for fleet in made.fleets.values():
                fleet.stop()
            calling.cancel()
            await asyncio.gather(*made.lives, calling, return_exceptions=True)
