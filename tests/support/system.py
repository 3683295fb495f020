"""The whole system, as operators, devices and applications reach it."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from homeport import names
from homeport.client import AsyncClient, CallRefused
from homeport.names import AccountId
from tests.support.homeport import Command, Event, content, gone, platform
from tests.support.polling import until
from tests.support.webhook import Webhook, webhook

CALLBACK = "/v2/notification/callback"
FAULTS = ("error", "critical")


@dataclass(frozen=True, slots=True)
class Application:
    """What a customer runs: it calls the API, and is told what happens.

    ``api`` is HTTP as it is, ``client`` the same by our own client.
    """

    api: httpx.AsyncClient
    client: AsyncClient
    webhook: Webhook
    account: AccountId

    def device_id(self, endpoint_name: str) -> str:
        """Return what applications call a device."""
        return names.device_id(self.account, names.parse_endpoint_name(endpoint_name))

    async def read(self, path: str, **query: str | int) -> Any:
        """Call the API; it answers 200."""
        answer = await self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def state(self, endpoint_name: str) -> str:
        """Return a device's state in the directory; nothing before it is there."""
        try:
            device = await self.client.devices.get(self.device_id(endpoint_name))
        except CallRefused:
            return ""
        return device.state

    async def until_state(self, endpoint_name: str, state: str) -> None:
        """Wait until the directory has a device in a state."""

        async def reached() -> bool:
            return await self.state(endpoint_name) == state

        await until(reached)

    async def states(self) -> Mapping[str, str]:
        """Return the states of all devices by their ids."""
        devices = self.client.devices.list(limit=1000)
        return {device.id: device.state async for device in devices}

    def told(self, endpoint_name: str) -> list[tuple[str, Any]]:
        """Return what the webhook was told of a device: kinds and items, in order."""
        device = self.device_id(endpoint_name)
        return [
            (kind, item)
            for kind, item in notices(self.webhook)
            if device_of(item) == device
        ]

    async def until_told(self, endpoint_name: str, *kinds: str) -> list[Any]:
        """Wait until the webhook was told just this of a device; return the items."""

        async def enough() -> bool:
            return len(self.told(endpoint_name)) >= len(kinds)

        await until(enough)
        told = self.told(endpoint_name)
        assert [kind for kind, _ in told] == list(kinds)
        return [item for _, item in told]


class System:
    """A platform that serves; ``up`` is the command that runs it."""

    def __init__(self, up: Command, ready: Mapping[str, Any], ready_file: Path) -> None:
        self.up = up
        self.account = AccountId(ready["account_id"])
        self.nats: str = ready["nats"]
        self.postgres: str = ready["postgres"]
        self.bootstrap: str = ready["bootstrap"].get("coap", "")
        self.lwm2m: str = ready["lwm2m"].get("coap", "")
        self.secured_bootstrap: str = ready["bootstrap"]["coaps"]
        self.secured_lwm2m: str = ready["lwm2m"]["coaps"]
        self.tls_lwm2m: str = ready["lwm2m"]["coaps+tcp"]
        self.api: str = ready["api"]
        self.api_https: str = ready["api_https"] or ""
        self.ca: str = ready["ca"] or ""
        self.ready_file = ready_file
        self._key: str = ready["api_key"]

    @property
    def processes(self) -> Mapping[str, Sequence[int]]:
        """The ids of the processes that run now."""
        processes: Mapping[str, Sequence[int]] = content(self.ready_file)["processes"]
        return processes

    def memory(self, name: str) -> int:
        """Return how many bytes of memory the process of a service holds."""
        (process,) = self.processes[name]
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def kill(self, name: str, *, number: int = 0) -> int:
        """Kill one of the processes of a service; return what its id was."""
        killed = self.processes[name][number]
        os.kill(killed, signal.SIGKILL)
        await gone(killed)
        return killed

    async def until_replaced(self, name: str, killed: int, *, count: int = 1) -> None:
        """Wait until as many processes of a service run as before."""

        async def back() -> bool:
            pids = self.processes.get(name, ())
            return killed not in pids and len(pids) == count

        await until(back, seconds=30)

    async def metric(
        self, service: str, name: str, **labels: str
    ) -> Mapping[str, float]:
        """Read a metric from every process of a service that lives, by their pages."""
        found: dict[str, float] = {}
        async with httpx.AsyncClient(trust_env=False) as client:
            for page in self._pages(service):
                with suppress(httpx.TransportError):
                    answer = await client.get(f"{page}/metrics")
                    found[page] = _sum(answer.text, name, labels)
        return found

    def _pages(self, service: str) -> list[str]:
        """Return where processes of a service show themselves, also dead ones."""
        return [
            event["probes"]
            for event in list(self.up.events)
            if event["event"] == "ready" and event.get("service") == service
        ]

    async def until_logged(self, wanted: Callable[[Event], bool]) -> Event:
        """Wait for a line that somebody has logged or will log."""

        async def logged() -> bool:
            return any(map(wanted, list(self.up.events)))

        await until(logged)
        return next(filter(wanted, list(self.up.events)))

    def faults(self) -> list[str]:
        """Return what somebody has to look into, a short line each."""
        return [
            f"{event.get('service')}: {event['event']}: "
            + str(event.get("exception", "")).rpartition("\n")[2]
            for event in list(self.up.events)
            if event.get("level") in FAULTS or "exception" in event
        ]

    def warnings(self) -> list[Event]:
        """Return the lines that have no place in a quiet system."""
        return [event for event in list(self.up.events) if event["level"] == "warning"]

    def caller(self, api_key: str) -> httpx.AsyncClient:
        """Make a caller of the API."""
        return httpx.AsyncClient(
            base_url=self.api,
            headers={"authorization": f"Bearer {api_key}"},
            trust_env=False,
            timeout=20,
        )

    def client(self) -> AsyncClient:
        """Make a client of the API, an administrator's."""
        return AsyncClient(self.api, self._key)

    @asynccontextmanager
    async def application(self, **serialization: bool) -> AsyncIterator[Application]:
        """Open the API, and a webhook that is told of everything from now on."""
        async with (
            self.caller(self._key) as api,
            self.client() as client,
            webhook() as opened,
        ):
            answer = await api.put(
                CALLBACK,
                json={
                    "url": opened.url,
                    "serialization": {"type": "v2", "cfg": serialization},
                },
            )
            assert answer.status_code == 204, answer.text
            yield Application(api, client, opened, self.account)
            assert (await api.delete(CALLBACK)).status_code == 204


@asynccontextmanager
async def system(
    folder: Path, *arguments: str, **environment: str
) -> AsyncIterator[System]:
    """Run a platform; with ``--nosec`` its plain CoAP ports are open, too."""
    async with platform(folder, *arguments, **environment) as (up, ready):
        yield System(up, ready, folder / "ready.json")


def notices(receiver: Webhook) -> Iterator[tuple[str, Any]]:
    """Yield all that a webhook has accepted, kind and item, in order."""
    for message in receiver.accepted:
        for kind, items in message.items():
            for item in items:
                yield kind, item


def device_of(item: Any) -> str:
    """Return the device of an item, which stands in it, is all of it, or is nobody.

    The answer to a request names the request alone.
    """
    return str(item if isinstance(item, str) else item.get("ep", ""))


def _sum(page: str, name: str, labels: Mapping[str, str]) -> float:
    """Sum up the samples of a metric that have some labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
