"""The whole system, as operators, devices and applications reach it."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from homeport import names
from homeport.names import AccountId
from tests.support.homeport import Command, Event, content, platform
from tests.support.polling import until
from tests.support.webhook import Webhook, webhook

CALLBACK = "/v2/notification/callback"
FAULTS = ("error", "critical")


@dataclass(frozen=True, slots=True)
class Application:
    """What a customer runs: it calls the API, and is told what happens."""

    api: httpx.AsyncClient
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
        path = f"/v3/devices/{self.device_id(endpoint_name)}/"
        answer = await self.api.get(path)
        return str(answer.json()["state"]) if answer.status_code == 200 else ""

    async def until_state(self, endpoint_name: str, state: str) -> None:
        """Wait until the directory has a device in a state."""

        async def reached() -> bool:
            return await self.state(endpoint_name) == state

        await until(reached)

    async def states(self) -> Mapping[str, str]:
        """Return the states of all devices by their ids."""
        found: dict[str, str] = {}
        after = ""
        while True:
            page = await self.read("/v3/devices/", limit=1000, after=after)
            found |= {device["id"]: device["state"] for device in page["data"]}
            if not page["has_more"]:
                return found
            after = page["data"][-1]["id"]

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
        self.bootstrap: str = ready["bootstrap"].get("coap", "")
        self.lwm2m: str = ready["lwm2m"].get("coap", "")
        self.api: str = ready["api"]
        self.ready_file = ready_file
        self._key: str = ready["api_key"]

    @property
    def processes(self) -> Mapping[str, Sequence[int]]:
        """The ids of the processes that run now."""
        processes: Mapping[str, Sequence[int]] = content(self.ready_file)["processes"]
        return processes

    def faults(self) -> list[Event]:
        """Return the lines that somebody has to look into."""
        return [
            event
            for event in list(self.up.events)
            if event.get("level") in FAULTS or "exception" in event
        ]

    def warnings(self) -> list[Event]:
        """Return the lines that have no place in a quiet system."""
        return [event for event in list(self.up.events) if event["level"] == "warning"]

    @asynccontextmanager
    async def application(self, **serialization: bool) -> AsyncIterator[Application]:
        """Open the API, and a webhook that is told of everything from now on."""
        async with (
            httpx.AsyncClient(
                base_url=self.api,
                headers={"authorization": f"Bearer {self._key}"},
                trust_env=False,
                timeout=20,
            ) as api,
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
            yield Application(api, opened, self.account)
            assert (await api.delete(CALLBACK)).status_code == 204


@asynccontextmanager
async def system(
    folder: Path, *arguments: str, **environment: str
) -> AsyncIterator[System]:
    """Run a platform with its plain CoAP ports open."""
    async with platform(folder, "--nosec", *arguments, **environment) as (up, ready):
        yield System(up, ready, folder / "ready.json")


def notices(receiver: Webhook) -> Iterator[tuple[str, Any]]:
    """Yield all that a webhook has accepted, kind and item, in order."""
    for message in receiver.accepted:
        for kind, items in message.items():
            for item in items:
                yield kind, item


def device_of(item: Any) -> str:
    """Return the device of an item, which stands in it or is all of it."""
    return str(item if isinstance(item, str) else item["ep"])
