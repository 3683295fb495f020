"""The chart installed on pods that are processes, behind load balancers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, Self

import httpx

from homeport.client import AsyncClient
from homeport.names import AccountId
from tests.support import chart
from tests.support.balancer import Endpoints, Ingress, UdpBalancer, udp_balancer
from tests.support.chart import Object
from tests.support.deployments import Deployment
from tests.support.keyring import SECRET_KEY
from tests.support.pods import Release, run_job
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
"""How long a pod goes on for that: longer than the lag."""
IDLE_SECONDS = 1.4
"""How long a flow is remembered: less than a device's pauses."""

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
        assert await run_job(self._release, "migrate") == 0
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
