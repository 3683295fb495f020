"""What devices have, and the older ways to use it (R-94 .. R-97)."""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from homeport.keyring import Keyring
from homeport.names import AccountId
from homeport.protocol.device_requests import Method
from homeport.protocol.objects.definitions import (
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
    Version,
)
from homeport.store import configurations, values
from homeport.store.entries import DefinedObject
from homeport.store.requests import Complete
from homeport.store.trust_writer import TrustWriter
from homeport.store.values import LastValue
from tests.support.downlink import PlayedEdge, played_edge
from tests.support.keyring import SECRET_KEY
from tests.support.notifier import ACCOUNT, Site, responses, site
from tests.support.polling import until
from tests.support.sessions import device

pytestmark = pytest.mark.integration

DEVICE = device()
ENDPOINT = f"/v2/endpoints/{DEVICE.id}"
BATTERY = f"{ENDPOINT}//3/0/9/"
RESOURCES = (
    '[{"path":"/3/0","obs":false},'
    '{"path":"/3/0/9","obs":true,"rt":"battery","ct":"0 110"}]'
)
FOREVER = 2**45
STRANGER = AccountId("f" * 32)


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with (
        site(redis_url, nats_url, postgres_url, channel_poll_seconds=0.3) as made,
        made.running(),
    ):
        await made.listen()
        yield made


@pytest.fixture
async def edge(opened: Site) -> AsyncIterator[PlayedEdge]:
    """An edge at which DEVICE has registered."""
    async with played_edge(opened.settings.redis_url, opened.nats) as made:
        await made.register(DEVICE, resources=RESOURCES)
        yield made


async def keep(
    edge: PlayedEdge, payload: bytes, *, fresh_until: int, path: str = "/3/0/9"
) -> None:
    """Have the device say a value."""
    last = LastValue(0, payload, 1_000, fresh_until)
    end = ',"outcome":"answered","code":"2.05"'
    await edge.store.do(
        DEVICE.enqueue("-1"),
        Complete(
            *(DEVICE.bucket, DEVICE.id, "-1", end),
            path=path,
            value=values.build(last),
        ),
    )


async def test_what_a_device_has_is_listed_without_asking_it(
    opened: Site, edge: PlayedEdge
) -> None:
    answer = await opened.client.get(ENDPOINT)
    assert answer.json() == [
        {"uri": "/3/0", "rt": "", "obs": False, "type": ""},
        {
            "uri": "/3/0/9",
            "rt": "battery",
            "obs": True,
            "type": "text/plain application/senml+json",
        },
    ]
    assert (await opened.client.get(f"/v2/endpoints/{'0' * 32}")).status_code == 404
    stranger = await opened.allow("ak_1other", "c" * 32, account=AccountId("f" * 32))
    assert (await opened.client.get(ENDPOINT, headers=stranger)).status_code == 404
    assert not edge.asked


async def test_registered_devices_are_listed_by_their_type(
    opened: Site, edge: PlayedEdge
) -> None:
    meter = device("urn:dev:2")
    location = await edge.register(meter, endpoint_type="meter", queue_mode=1)

    async def listed(**params: str) -> Any:
        return (await opened.client.get("/v2/endpoints", params=params)).json()

    async def both() -> bool:
        return len(await listed()) == 2

    await until(both)
    assert await listed(type="meter") == [
        {"name": meter.id, "type": "meter", "status": "ACTIVE", "q": True}
    ]
    assert await listed(type="none") == []
    await edge.store.do(meter.deregister(2, location))

    async def one() -> bool:
        return [each["name"] for each in await listed()] == [DEVICE.id]

    await until(one)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_a_resource_is_used_by_an_async_response(
    opened: Site, edge: PlayedEdge, method: str
) -> None:
    async with opened.socket() as socket:
        answer = await opened.client.request(
            method,
            BATTERY,
            content=b"" if method in ("GET", "DELETE") else b"7",
            headers={"content-type": "text/plain"},
        )
        assert answer.status_code == 202
        (told,) = await responses(socket, 1)
        assert told["id"] == answer.json()["async-response-id"]
        assert told["status"] == 200
    (asked,) = edge.asked
    assert (asked.method, asked.path) == (Method(method), "/3/0/9")
    assert asked.content_format == (0 if method in ("PUT", "POST") else None)


async def test_a_value_that_holds_still_is_answered_at_once(
    opened: Site, edge: PlayedEdge
) -> None:
    cached = {"cacheOnly": "true"}
    assert (await opened.client.get(BATTERY, params=cached)).status_code == 205
    await keep(edge, b"7", fresh_until=1)
    assert (await opened.client.get(BATTERY, params=cached)).status_code == 205
    await keep(edge, b"7", fresh_until=FOREVER)
    answer = await opened.client.get(BATTERY)
    assert (answer.status_code, answer.content) == (200, b"7")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"].startswith("max-age=")
    assert not edge.asked


async def test_refusals_are_words(opened: Site, edge: PlayedEdge) -> None:
    async def said(method: str, path: str, **options: Any) -> tuple[int, str]:
        answer: httpx.Response = await opened.client.request(method, path, **options)
        return answer.status_code, answer.text

    assert await said("PUT", f"{ENDPOINT}/3/0/5") == (404, "RESOURCE_NOT_FOUND")
    assert await said("GET", f"/v2/endpoints/{'0' * 32}/3/0/9") == (
        404,
        "DEVICE_NOT_FOUND",
    )
    large = b"a" * (2**20 + 1)
    assert await said("PUT", BATTERY, content=large) == (413, "PAYLOAD_TOO_LARGE")
    unknown = {"content-type": "text/html"}
    assert await said("PUT", BATTERY, content=b"7", headers=unknown) == (
        400,
        "UNKNOWN_CONTENT_TYPE",
    )
    edge.answer = lambda _: None
    for _ in range(20):
        assert (await said("POST", BATTERY))[0] == 202
    assert await said("POST", BATTERY) == (429, "QUEUE_IS_FULL")
    location = await edge.register(DEVICE, 2)
    await edge.store.do(DEVICE.deregister(3, location))

    async def gone() -> bool:
        return await said("POST", BATTERY) == (410, "DEVICE_NOT_CONNECTED")

    await until(gone)


async def test_without_a_response_nobody_is_told(
    opened: Site, edge: PlayedEdge
) -> None:
    silent = {"noResp": "true"}
    answer = await opened.client.post(BATTERY, params=silent)
    assert (answer.status_code, answer.content) == (204, b"")

    async def asked() -> object:
        return edge.asked

    await until(asked)
    await edge.register(DEVICE, 2, queue_mode=1)
    assert (await opened.client.post(BATTERY, params=silent)).status_code == 409
    await edge.register(DEVICE, 3, binding="T")
    assert (await opened.client.post(BATTERY, params=silent)).status_code == 409


async def test_a_value_is_read_by_the_definitions_of_its_account(
    opened: Site, edge: PlayedEdge
) -> None:
    kettle = ObjectDefinition(
        33_000,
        "Kettle",
        Version(1, 0),
        multiple=True,
        resources={1: ResourceDefinition(1, "Level", Operations.READ, Type.INTEGER)},
    )
    content = configurations.build_definition(kettle)
    path = f"/v2/values/{DEVICE.id}/33000/0/1"
    await keep(edge, b"80", fresh_until=1, path="/33000/0/1")
    writer = TrustWriter(edge.store.redis, Keyring.parse(SECRET_KEY))
    await writer.put([DefinedObject(STRANGER, "33000/1.0", content)])
    assert (await opened.client.get(path)).json()["values"] == {"/33000/0/1": "80"}
    await writer.put([DefinedObject(ACCOUNT, "33000/1.0", content)])
    assert (await opened.client.get(path)).json()["values"] == {"/33000/0/1": 80}


async def test_the_last_known_value_is_told_however_old_it_is(
    opened: Site, edge: PlayedEdge
) -> None:
    path = f"/v2/values/{DEVICE.id}/3/0/9"
    assert (await opened.client.get(path)).text == "VALUE_NOT_FOUND"
    await keep(edge, b"80", fresh_until=1)
    assert (await opened.client.get(path)).json() == {
        "path": "/3/0/9",
        "time": "1970-01-01T00:00:01.000000Z",
        "max-age": 0,
        "ct": "text/plain",
        "payload": b64encode(b"80").decode(),
        "values": {"/3/0/9": 80},
    }
    await keep(edge, b"x", fresh_until=1)
    assert (await opened.client.get(path)).json()["values"] is None
    assert (await opened.client.get(f"/v2/values/{'0' * 32}/3/0/9")).status_code == 404
    assert not edge.asked
