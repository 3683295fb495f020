"""What is secret is in no log and in no event, whoever says it and wherever."""

import base64
import secrets
from collections.abc import Iterable, Sequence

import httpx
import orjson
import pytest

from homeport.coap import codec
from homeport.coap.codec import Code, Option
from homeport.runtime import bus
from tests.support import customer, events
from tests.support.homeport import content
from tests.support.peer import Peer
from tests.support.system import CALLBACK, Application, System

pytestmark = pytest.mark.e2e

LINK_FORMAT = ((int(Option.CONTENT_FORMAT), b"\x28"),)
NAME = "secretive"


def spellings(secret: str) -> set[str]:
    """Return how a secret may stand in a text."""
    raw = secret.encode()
    return {secret, raw.hex(), base64.b64encode(raw).decode().rstrip("=")}


def leaked(text: str, kept: Iterable[str]) -> set[str]:
    return {
        secret for secret in kept if any(each in text for each in spellings(secret))
    }


async def said_by_a_caller(api: httpx.AsyncClient, device: str) -> Sequence[str]:
    """Say secrets wherever the API takes or refuses them; return them."""
    query, header, signing, wrong, key, value = (
        secrets.token_hex(16) for _ in range(6)
    )
    shared_key = customer.new_key(f"{NAME}-by-its-key")
    await customer.register_key(api, shared_key)
    made = await api.post("/v3/api-keys", json={"name": NAME})
    assert made.status_code == 201, made.text
    callback = (await api.get(CALLBACK)).json()
    authorized = {"headers": {"authorization": header}, "signing_secret": signing}
    for body in (callback | authorized, callback | {"signing_secret": wrong}, callback):
        await api.put(CALLBACK, json=body)
    for path in ("/v3/devices", "/v2/endpoints", "/v3/nowhere"):
        await api.get(path, params={"access_token": query, "filter": query})
    refused = await api.get("/v3/devices", headers={"authorization": f"Bearer {wrong}"})
    assert refused.status_code == 401
    pair = {"certificate": "none", "private_key": key}
    refused = await api.put("/v3/certificate-authorities/lwm2m", json=pair)
    assert refused.status_code == 400
    asked = await api.post(
        f"/v2/device-requests/{device}",
        params={"async-id": "secret"},
        json={
            "method": "PUT",
            "uri": "/5/0/1",
            "payload-b64": base64.b64encode(value.encode()).decode(),
        },
    )
    assert asked.status_code == 202, asked.text
    return [
        *(query, header, signing, wrong, key, value),
        *(shared_key.key.decode(), made.json()["key"]),
    ]


async def said_by_a_device(shared: System, device: Peer) -> Sequence[str]:
    """Say secrets where no device has to; return them."""
    said = [secrets.token_hex(16) for _ in range(6)]
    name, lifetime, parameter, path, payload, option = said
    for url, asked, queries, body in (
        (shared.bootstrap, ("bs",), (f"ep={name}{'x' * 64}",), b""),
        (shared.bootstrap, ("bs",), (f"ep={NAME}", f"aid={parameter}"), b""),
        (shared.lwm2m, ("rd",), (f"ep={NAME}", f"lt={lifetime}"), b"</1/0>"),
        (shared.lwm2m, ("rd",), (f"ep={NAME}", f"b={parameter}"), b"</1/0>"),
        (shared.lwm2m, ("rd",), (f"ep={NAME}",), payload.encode()),
        (shared.lwm2m, ("dp",), (), payload.encode()),
        (shared.lwm2m, ("rd", path), (), b""),
    ):
        options = (*LINK_FORMAT, (65_000, option.encode()))
        answer = await device.ask(
            url, Code.POST, asked, queries=queries, options=options, payload=body
        )
        assert answer.code >> 5 == 4
    return [each for each in said if each != path]


@pytest.mark.conforms("C-232", "B-074")
async def test_what_is_secret_is_in_no_log_and_in_no_event(
    shared: System, application: Application, device: Peer
) -> None:
    registered = await device.ask(
        shared.lwm2m,
        Code.POST,
        ("rd",),
        queries=(f"ep={NAME}",),
        options=LINK_FORMAT,
        payload=b"</1/0>,</5/0>",
    )
    assert registered.code == Code.CREATED
    await application.until_state(NAME, "registered")
    kept = await said_by_a_caller(application.api, application.device_id(NAME))
    written = codec.decode(await device.hear())
    changed = codec.encode_acknowledgement(
        Code.CHANGED, written.message_id, written.token
    )
    device.say(changed, shared.lwm2m)
    kept = [*kept, *await said_by_a_device(shared, device)]
    kept += [content(shared.ready_file)[key] for key in ("api_key", "platform_api_key")]
    left = await device.ask(shared.lwm2m, Code.DELETE, registered.location)
    assert left.code == Code.DELETED
    await application.until_state(NAME, "deregistered")
    assert leaked(orjson.dumps(list(shared.up.events)).decode(), kept) == set()
    async with bus.connection(shared.nats) as nats:
        assert leaked(await events.text_stored(nats), kept) == set()
