"""The Python client against a whole platform: what it asks is done, and seen."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from homeport import names
from homeport.client import (
    EVERYTHING,
    AsyncClient,
    Client,
    Conflict,
    Forbidden,
    InvalidCall,
    NotFound,
    Presubscription,
    SocketClosed,
    UnknownKey,
)
from homeport.client.devices import Device
from homeport.client.notifications import Message, Notification, Response
from homeport.coap.codec import Code, Option
from homeport.pki import authorities, pem
from tests.support.background import Background
from tests.support.homeport import content
from tests.support.peer import Peer
from tests.support.polling import until
from tests.support.simulated import thermometer
from tests.support.system import System

pytestmark = pytest.mark.e2e

IDENTITIES = [f"A-{':'.join([f'{number:02X}'] * 32)}" for number in range(5)]
CSV = "\n".join(["identity", *IDENTITIES]).encode()


@pytest.fixture
async def client(shared: System) -> AsyncIterator[AsyncClient]:
    """An administrator's."""
    async with shared.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def thermostat(shared: System, elsewhere: Background) -> Iterator[Device]:
    """A device that answers."""
    with elsewhere.entered(thermometer(shared, "asked")) as device:
        yield device


async def test_devices_are_recorded_grouped_and_forgotten(client: AsyncClient) -> None:
    made = [
        await client.devices.create(
            endpoint_name=f"recorded-{number}", custom_attributes={"room": "attic"}
        )
        for number in range(3)
    ]
    with pytest.raises(Conflict):
        await client.devices.create(endpoint_name="recorded-0")
    listing = client.devices.list(custom_attributes__room="attic", limit=2)
    assert [each.id async for each in listing] == [each.id for each in made]
    assert await listing.count() == 3
    first = made[0].id
    changed = await client.devices.update(first, name="north")
    assert (changed.name, changed.custom_attributes) == ("north", {"room": "attic"})
    group = await client.groups.create("upstairs")
    await client.groups.add(group.id, first)
    members = client.groups.devices(group.id, created_at__lte=made[0].created_at or "")
    assert [each.name async for each in members] == ["north"]
    await client.groups.delete(group.id)
    for device in made:
        await client.devices.delete(device.id)
    with pytest.raises(NotFound):
        await client.devices.get(first)
    events = client.events.list(device_id=first)
    codes = [each.event_type.rpartition(".device-")[2] async for each in events]
    assert codes == ["created", "updated", "added-to-group", "deleted"]


async def test_devices_are_kept_out_and_let_in(client: AsyncClient) -> None:
    device = await client.devices.create(endpoint_name="kept-out")
    await client.devices.suspend(device.id, category="lost_or_stolen")
    suspended = client.devices.list(operator_suspended=True)
    assert [each.id async for each in suspended] == [device.id]
    with pytest.raises(InvalidCall) as caught:
        await client.devices.resume(device.id, category="nothing")
    assert "category" in caught.value.fields
    await client.devices.resume(device.id, category="lost_or_stolen")
    saved = await client.queries.create("home", "endpoint_name=kept-out")
    found = client.devices.list(filter=saved.query)
    assert [each.id async for each in found] == [device.id]
    await client.queries.delete(saved.id)
    await client.devices.delete(device.id)


async def test_a_wrong_filter_is_named(client: AsyncClient) -> None:
    with pytest.raises(InvalidCall) as caught:
        await client.devices.list(nonsense=1).page()
    assert caught.value.fields == {"nonsense__eq": "is not known"}
    assert caught.value.request_id


async def test_keys_open_what_their_role_allows(
    shared: System, client: AsyncClient
) -> None:
    made = await client.api_keys.create("dashboard", role="reader")
    async with AsyncClient(shared.api, made.key) as reader:
        assert (await reader.api_keys.me()).id == made.id
        assert (await reader.accounts.me()).id == shared.account
        with pytest.raises(Forbidden):
            await reader.devices.create(endpoint_name="forbidden")
        await client.api_keys.delete(made.id)
        with pytest.raises(UnknownKey):
            await reader.accounts.me()
        with pytest.raises(UnknownKey):
            await reader.listen().__aenter__()


async def test_certificates_are_trusted_and_proven(client: AsyncClient) -> None:
    factory = authorities.create_root("Factory of the client")
    certificate = pem.build(pem.CERTIFICATE, factory.certificate.der)
    trusted = await client.trusted_certificates.create(
        "factory", certificate, service="bootstrap"
    )
    proof = await client.trusted_certificates.proof(trusted.id)
    signature = factory.key.sign(proof.text.encode(), ec.ECDSA(hashes.SHA256()))
    assert (await client.trusted_certificates.prove(trusted.id, signature)).proven
    developer = await client.developer_certificates.create("lab")
    assert authorities.parse_key(developer.developer_private_key)
    named = client.trusted_certificates.list(name="lab", device_execution_mode=1)
    assert [each.id async for each in named] == [developer.id]
    for made in (trusted, developer):
        await client.trusted_certificates.delete(made.id)
    assert (await client.servers.get()).lwm2m.url.startswith("coaps://")


def claim_all(client: Client) -> None:
    """Claim one by one and many at once, let go of them, and read the reports."""
    one = client.enrollments.create(IDENTITIES[0])
    with pytest.raises(Conflict):
        client.enrollments.create(IDENTITIES[0])
    task = client.enrollments.upload(CSV)
    while not task.completed:
        task = client.enrollments.task(task.id)
    assert (task.total_count, task.errors_count) == (5, 1)
    assert client.enrollments.report(task.id, report="errors").count("\n") == 2
    claims = {claim.enrollment_identity for claim in client.enrollments.list(limit=2)}
    assert claims >= set(IDENTITIES)
    client.enrollments.delete(one.id)
    task = client.enrollments.delete_many(CSV)
    while not task.completed:
        task = client.enrollments.task(task.id, bulk="deletes")
    assert task.errors_count == 1


def share_keys(client: Client) -> None:
    """Register keys for names that are hard to spell."""
    names = ["urn:dev:ops:0001-a", "name/with/slashes", "name with blanks"]
    for name in names:
        client.shared_keys.create(name, b"\x01" * 16)
    with pytest.raises(Conflict) as caught:
        client.shared_keys.create(names[0], b"\x02" * 16)
    assert caught.value.kind == "KEY_ALREADY_EXISTS_FOR_ENDPOINT"
    assert {key.endpoint_name for key in client.shared_keys.list(limit=2)} >= set(names)
    for name in names:
        assert client.shared_keys.get(name).endpoint_name == name
        client.shared_keys.delete(name)
    with pytest.raises(NotFound):
        client.shared_keys.get(names[1])


async def test_a_client_that_waits_does_the_same(shared: System) -> None:
    with Client(shared.api, content(shared.ready_file)["api_key"]) as client:
        await asyncio.to_thread(claim_all, client)
        await asyncio.to_thread(share_keys, client)


async def register(device: Peer, shared: System, name: str) -> tuple[str, ...]:
    created = await device.ask(
        *(shared.lwm2m, Code.POST, ("rd",)),
        queries=(f"ep={name}", "lt=300", "lwm2m=1.1"),
        options=((Option.CONTENT_FORMAT, b"\x28"),),
        payload=b"</1/0>",
    )
    assert created.code == Code.CREATED
    return created.location


def hear(shared: System, key: str) -> Message:
    """Return the next message, with a client that waits."""
    with Client(shared.api, key) as client, client.listen() as messages:
        return next(messages)


async def test_a_socket_brings_what_happens(
    shared: System, client: AsyncClient, device: Peer
) -> None:
    made = await client.api_keys.create("listener")
    async with AsyncClient(shared.api, made.key) as listener:
        state = await listener.channel.set_websocket(serialization=EVERYTHING)
        assert state.serialization == EVERYTHING
        assert await listener.channel.kind() == "WEB_SOCKET"
        location = await register(device, shared, "listened")
        message = await asyncio.to_thread(hear, shared, made.key)
        assert message.registrations[0].endpoint_name == "listened"
        async with listener.listen() as messages:
            await device.ask(shared.lwm2m, Code.DELETE, location)
            async for message in messages:
                if message.de_registrations:
                    break
            assert message.de_registrations[0].endpoint_name == "listened"
            assert (await listener.channel.websocket()).status == "connected"
            await listener.channel.delete_websocket()
            with pytest.raises(SocketClosed) as caught:
                await anext(messages)
    assert caught.value.code == 1000
    await client.api_keys.delete(made.id)


async def test_polls_bring_what_happens(
    shared: System, client: AsyncClient, device: Peer
) -> None:
    made = await client.api_keys.create("poller")
    async with AsyncClient(shared.api, made.key) as poller:
        polling = asyncio.create_task(poller.channel.pull())

        async def made_channel() -> bool:
            with contextlib.suppress(NotFound):
                return await poller.channel.kind() == "LONG_POLLING"
            return False

        await until(made_channel)
        await register(device, shared, "polled")
        message = await polling
        assert message is not None
        assert len(message.registrations) == 1
        assert await poller.channel.delete_pull()
    await client.api_keys.delete(made.id)


async def response(messages: AsyncIterator[Message], async_id: str) -> Response:
    """Wait for what comes of a request."""
    async for message in messages:
        for each in message.async_responses:
            if each.id == async_id:
                return each
    raise EOFError


async def notification(messages: AsyncIterator[Message], path: str) -> Notification:
    """Wait for a value of a path."""
    async for message in messages:
        for each in message.notifications:
            if each.path == path:
                return each
    raise EOFError


async def test_a_device_is_asked_and_observed(
    shared: System, client: AsyncClient, thermostat: Device
) -> None:
    made = await client.api_keys.create("asking")
    async with AsyncClient(shared.api, made.key) as asking:
        await asking.channel.set_websocket()
        async with asking.listen() as messages, asyncio.timeout(20):
            read = await asking.requests.send(thermostat.id, "GET", "/3/0/0")
            told = await response(messages, read)
            assert (told.status, told.content) == (200, b"Homeport")
            assert (await asking.values.get(thermostat.id, "/3/0/0")).values == {
                "/3/0/0": "Homeport"
            }
            written = await asking.requests.send(
                *(thermostat.id, "PUT", "/3/0/14"),
                payload=b"+01:00",
                content_type="text/plain",
            )
            assert (await response(messages, written)).payload == ""
            observed = await asking.subscriptions.add(thermostat.id, "/3/0/9")
            assert (await response(messages, observed)).status == 200
            assert await asking.subscriptions.paths(thermostat.id) == ("/3/0/9",)
            value = await notification(messages, "/3/0/9")
            assert value.device_id == thermostat.id
            await asking.subscriptions.remove(thermostat.id, "/3/0/9")
            rules = [
                Presubscription(endpoint_name=thermostat.id, resource_path=("/33*",))
            ]
            await asking.subscriptions.set_presubscriptions(rules)
            assert await asking.subscriptions.presubscriptions() == tuple(rules)
            assert await notification(messages, "/3303/0/5700")
            await asking.subscriptions.clear_presubscriptions()
        with pytest.raises(InvalidCall) as caught:
            await asking.requests.send(thermostat.id, "GET", "/3/0/99")
        assert caught.value.kind == "RESOURCE_NOT_FOUND"
        with pytest.raises(NotFound):
            await asking.subscriptions.check(thermostat.id, "/3/0/9")
    await client.api_keys.delete(made.id)


async def test_a_named_consumer_is_read_and_read_again(
    client: AsyncClient, shared: System, device: Peer
) -> None:
    known = [
        names.device_id(shared.account, names.parse_endpoint_name(name))
        for name in ("read-1", "read-2")
    ]
    facts = ["device.registered"]
    made = await client.consumers.put("client", facts=facts, devices=known)
    assert (made.facts, made.waiting) == (("device.registered",), 0)
    async with client.follow("client") as events, asyncio.timeout(20):
        await register(device, shared, "read-1")
        first = await anext(events)
        assert first.fact["endpoint_name"] == "read-1"
        await register(device, shared, "read-2")
        second = await anext(events)
        assert second.fact["endpoint_name"] == "read-2"
        assert (await client.consumers.get("client")).connected
    again = await asyncio.to_thread(registered_after, shared, first.id)
    assert again == ("read-2", 1)
    await client.consumers.confirm("client", second.id)
    assert (await client.consumers.get("client")).waiting == 0
    await client.consumers.restart("client", "first")
    assert (await client.consumers.get("client")).waiting > 1
    assert "client" in [each.name async for each in client.consumers.list(limit=2)]
    await client.consumers.delete("client")
    with pytest.raises(NotFound):
        await client.follow("client").__aenter__()


def registered_after(shared: System, place: str) -> tuple[str, int]:
    """Read on behind an event, with a client that waits: a message's name and items."""
    key = content(shared.ready_file)["api_key"]
    with Client(shared.api, key) as client:
        following = client.follow("client", form="notification", after=place)
        with following as events:
            registrations = next(events).message.registrations
            return registrations[0].endpoint_name, len(registrations)
