"""What the vendor's own acceptance suite asks of a server, item by item (section 21).

Its device is a developer's, which prints what becomes of it; its application knows an
API with TLS and the WebSocket of its key.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from homeport.ca import Api
from homeport.simulator import developer
from homeport.simulator.dialects import IZUMA
from homeport.simulator.factory import SharedCertificate
from homeport.simulator.options import FleetOptions, Habit, Target
from tests.support.background import Background
from tests.support.homeport import content
from tests.support.polling import until
from tests.support.simulated import Console, simulated
from tests.support.system import System

pytestmark = pytest.mark.e2e

KEYS, DEVICES = "/v3/api-keys", "/v3/devices"
WEBSOCKET = "/v2/notification/websocket"
KINDS = {
    *("notifications", "registrations", "reg-updates"),
    *("de-registrations", "registrations-expired", "async-responses"),
}
LIFETIME = "/1/0/1"
FACTORY_RESET, REBOOT = "/3/0/5", "/3/0/4"


@dataclass
class Board:
    """The device; its ids so far, and what the directory said when it registered."""

    console: Console
    ids: list[str]
    found: httpx.Response


@dataclass
class Application:
    """What calls the API over TLS, and the WebSocket of its key."""

    api: httpx.AsyncClient
    socket: ClientConnection

    async def message(self) -> Any:
        async with asyncio.timeout(20):
            return orjson.loads(await self.socket.recv())

    async def response(self, async_id: str) -> Any:
        """Wait for what comes of a request."""
        while True:
            for each in (await self.message()).get("async-responses", ()):
                if each["id"] == async_id:
                    return each

    async def ask(self, device: str, async_id: str, method: str, uri: str) -> int:
        body = {"method": method, "uri": uri, "accept": "text/plain"}
        return await self._send(device, async_id, body)

    async def write(self, device: str, async_id: str, uri: str, value: str) -> int:
        payload = base64.b64encode(value.encode()).decode()
        body = {"method": "PUT", "uri": uri, "content-type": "text/plain"}
        return await self._send(device, async_id, body | {"payload-b64": payload})

    async def _send(self, device: str, async_id: str, body: Any) -> int:
        path = f"/v2/device-requests/{device}?async-id={async_id}"
        answer = await self.api.post(path, json=body)
        if answer.status_code == 400:
            assert answer.text == "RESOURCE_NOT_FOUND"
        return answer.status_code


def caller(shared: System, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=shared.api_https,
        headers={"authorization": f"Bearer {key}"},
        verify=ssl.create_default_context(cafile=shared.ca),
        trust_env=False,
        timeout=20,
    )


@asynccontextmanager
async def board(shared: System, options: FleetOptions) -> AsyncIterator[Board]:
    """Switch the device on; entered: it has registered a moment ago."""
    async with simulated(options) as console:
        identity = await console.until_registered()
        async with caller(shared, content(shared.ready_file)["api_key"]) as api:
            found = await api.get(f"{DEVICES}/{identity}")
        yield Board(console, [identity], found)


@pytest.fixture(scope="module")
def device(shared: System, elsewhere: Background) -> Iterator[Board]:
    api = Api(shared.api, content(shared.ready_file)["api_key"])
    name = "acceptance"
    options = FleetOptions(
        1,
        Target(bootstrap=api.call("GET", "/v3/server-credentials")["bootstrap"]["url"]),
        dialect=IZUMA,
        lifetime=300,
        turn=0.5,
        mix={Habit.UPDATE: 1},
        factory=SharedCertificate(developer.make(api, name)),
        anchor=developer.fetch_anchor(api),
    )
    with elsewhere.entered(board(shared, options)) as made:
        yield made
    for identity in made.ids:
        api.call("DELETE", f"{DEVICES}/{identity}")
    listed = api.call("GET", f"/v3/trusted-certificates?name__eq={name}")
    for each in listed["data"]:
        api.call("DELETE", f"/v3/trusted-certificates/{each['id']}")


@pytest.fixture
async def application(shared: System) -> AsyncIterator[Application]:
    """An application as the suite makes and removes it: item 1."""
    async with caller(shared, content(shared.ready_file)["api_key"]) as owner:
        made = await owner.post(KEYS, json={"name": "acceptance"})
        assert made.status_code == 201
        async with caller(shared, made.json()["key"]) as api:
            assert (await api.put(WEBSOCKET)).status_code == 201
            assert (await api.put(WEBSOCKET)).status_code == 200
            async with opened(shared, made.json()["key"]) as socket:
                yield Application(api, socket)
            assert (await api.delete(WEBSOCKET)).status_code == 204
        gone = await owner.delete(f"{KEYS}/{made.json()['id']}")
        assert gone.status_code == 204


def opened(shared: System, key: str) -> connect:
    return connect(
        f"{shared.api_https.replace('https', 'wss')}{WEBSOCKET}-connect",
        ssl=ssl.create_default_context(cafile=shared.ca),
        subprotocols=[Subprotocol("wss"), Subprotocol(f"pelion_{key}")],
        proxy=None,
    )


async def test_1_a_key_and_a_channel_come_and_go(application: Application) -> None:
    assert application.socket.subprotocol == "wss"

    async def connected() -> bool:
        state = (await application.api.get(WEBSOCKET)).json()
        return bool(state["status"] == "connected")

    await until(connected)


async def test_2_a_device_is_found_once_it_says_that_it_has_registered(
    device: Board,
) -> None:
    assert device.found.status_code == 200
    assert device.found.json()["id"] == device.ids[0]


async def test_3_a_value_is_read(application: Application, device: Board) -> None:
    assert await application.ask(device.ids[-1], "read", "GET", LIFETIME) == 202
    told = await application.response("read")
    assert told["status"] == 200
    assert int(base64.b64decode(told["payload"])) == 300


async def test_4_a_value_is_written(application: Application, device: Board) -> None:
    assert await application.write(device.ids[-1], "write", LIFETIME, "301") == 202
    told = await application.response("write")
    assert (told["status"], told["payload"]) == (200, "")


async def test_5_a_value_is_observed(application: Application, device: Board) -> None:
    subscription = f"/v2/subscriptions/{device.ids[-1]}/{LIFETIME}"
    assert "//1/0/1" in subscription
    answer = await application.api.put(subscription)
    assert answer.status_code == 202
    told = await application.response(answer.json()["async-response-id"])
    assert told["status"] == 200
    assert (await application.api.get(subscription)).status_code == 200
    assert await application.write(device.ids[-1], "change", LIFETIME, "302") == 202
    messages = []
    while not any("notifications" in each for each in messages):
        messages.append(await application.message())
    (notification,) = messages[-1]["notifications"]
    assert (notification["ep"], notification["path"]) == (device.ids[-1], LIFETIME)
    assert base64.b64decode(notification["payload"]) == b"302"


async def test_6_a_device_that_is_reset_becomes_another(
    application: Application, device: Board
) -> None:
    before = (await application.api.get(f"{DEVICES}/{device.ids[-1]}")).json()
    device.console.forget()
    read = await application.ask(device.ids[-1], "read", "GET", FACTORY_RESET)
    assert read in (202, 400)
    for async_id, path in (("reset", FACTORY_RESET), ("reboot", REBOOT)):
        assert await application.ask(device.ids[-1], async_id, "POST", path) == 202
        told = await application.response(async_id)
        assert (told["status"], told["payload"]) == (200, "")
    device.ids.append(await device.console.until_registered())
    assert device.ids[-1] != before["id"]

    async def bootstrapped() -> bool:
        found = (await application.api.get(f"{DEVICES}/{device.ids[-1]}")).json()
        at = found.get("bootstrapped_timestamp")
        return bool(at and at > before["bootstrapped_timestamp"])

    await until(bootstrapped)


async def test_a_connector_has_what_it_counts_on(
    application: Application, shared: System, device: Board
) -> None:
    """It asks for its account, pings, and reads one kind of each message."""
    account = await application.api.get("/v3/accounts/me")
    assert account.json()["id"] == shared.account
    again = await application.api.put(
        WEBSOCKET, json={"configuration": {"type": "v2"}, "unknown": True}
    )
    assert {"status", "queueSize", "queue_size"} <= set(again.json())
    await asyncio.wait_for(await application.socket.ping(), 20)
    rule = {"endpoint-name": device.ids[-1], "resource-path": ["/3200/0/5501"]}
    assert (await application.api.put("/v2/subscriptions", json=[rule])).is_success
    kinds: set[str] = set()
    while not {"notifications", "reg-updates"} <= kinds:
        (kind,) = await application.message()
        kinds.add(kind)
    assert kinds <= KINDS
    assert (await application.api.delete("/v2/subscriptions")).status_code == 204
