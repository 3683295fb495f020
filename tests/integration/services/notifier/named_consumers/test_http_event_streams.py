"""Reading for a named consumer: Server-Sent Events, and who may read them when."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from homeport.events import subjects
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId
from homeport.store import connection, trust
from homeport.store.memberships import Membership, Memberships
from services.notifier.named_consumers import event_streams
from services.notifier.observability import _ENDED
from tests.support.event_streams import source
from tests.support.notifier import (
    ACCOUNT,
    KEY,
    KEY_ID,
    Site,
    deregistrations,
    event,
    site,
)
from tests.support.polling import until

pytestmark = pytest.mark.integration

CONSUMERS = "/v2/notification/consumers"
GROUP = "9" * 32


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(redis_url, nats_url, postgres_url, socket_ping_seconds=0.5) as made:
        yield made


async def put(opened: Site, name: str = "all", **body: object) -> None:
    answer = await opened.client.put(f"{CONSUMERS}/{name}", json=body)
    assert answer.status_code in (200, 201), answer.text


async def get(opened: Site, name: str = "all") -> Any:
    return (await opened.client.get(f"{CONSUMERS}/{name}")).json()


def value(path: str, *, device: str = "urn:dev:1", number: int = 1) -> Envelope:
    """Make the fact that a device has told a value of a path."""
    made = event(FactName.RESOURCE_NOTIFIED, number, device=device)
    body = orjson.loads(made.body) | {"path": path, "payload": "MjE="}
    return made._replace(id=f"{made.id}{path}", body=orjson.dumps(body))


async def test_every_fact_comes_with_its_place(opened: Site) -> None:
    await put(opened)
    many = deregistrations(300)
    await opened.happen(*many[:200])
    async with source(opened.url, "all") as reading:
        headers = reading.response.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        await opened.happen(*many[200:])
        sent = await reading.take(300)
    assert [each.id for each in sent] == [str(number) for number in range(1, 301)]
    assert [each.data["device_id"] for each in sent] == [each.device for each in many]
    assert sent[0].data == orjson.loads(many[0].body)


async def test_who_comes_again_goes_on_behind_its_last_event(opened: Site) -> None:
    await put(opened)
    await opened.happen(*deregistrations(5))
    async with source(opened.url, "all") as reading:
        await reading.take(5)
    async with source(opened.url, "all", last_id="3") as reading:
        assert [each.id for each in await reading.take(2)] == ["4", "5"]
    found = await get(opened)
    assert (found["sequence"], found["waiting"]) == (3, 2)


@pytest.mark.conforms("C-247", "R-126")
async def test_what_nobody_has_confirmed_comes_again(opened: Site) -> None:
    await put(opened)
    await opened.happen(*deregistrations(3))
    taken = []
    for _ in range(2):
        async with source(opened.url, "all") as reading:
            taken.append(await reading.take(3))
    first, again = taken
    assert [each.id for each in first] == ["1", "2", "3"]
    assert first == again


async def test_what_is_sent_may_count_as_read(opened: Site) -> None:
    await put(opened)
    await opened.happen(*deregistrations(3))
    async with source(opened.url, "all", confirm="sent") as reading:
        await reading.take(3)

    async def taken() -> bool:
        return bool((await get(opened))["sequence"] == 3)

    await until(taken)


async def test_only_what_is_selected_comes(opened: Site) -> None:
    wanted = event(FactName.DEVICE_DEREGISTERED, 1, device="urn:dev:2")
    await put(
        opened,
        facts=["resource.notified", "device.deregistered"],
        devices=[wanted.device.upper(), event(FactName.DEVICE_REGISTERED, 1).device],
        paths=["/3303/*", "/1/0/1"],
    )
    await opened.happen(
        event(FactName.DEVICE_REGISTERED, 1),
        value("/3303/0/5700"),
        value("/3304/0/5700"),
        value("/1/0/1"),
        value("/1/0/1", device="urn:dev:3"),
        wanted,
    )
    async with source(opened.url, "all") as reading:
        sent = await reading.take(3)
    assert [each.data.get("path") for each in sent] == ["/3303/0/5700", "/1/0/1", None]
    assert sent[2].data["device_id"] == wanted.device


async def test_of_groups_those_come_whose_devices_are_in_them(opened: Site) -> None:
    redis = await connection.connect(opened.settings.redis_url)
    memberships = Memberships(redis)
    first, second, strange = deregistrations(3)
    for account, each in (
        (ACCOUNT, first),
        (AccountId("c" * 32), strange),
    ):
        await memberships.put([Membership(account, GROUP, DeviceId(each.device))])
    await put(opened, groups=[GROUP, "0" * 32])
    await opened.happen(strange, first, second)
    async with source(opened.url, "all") as reading:
        (sent,) = await reading.take(1)
        assert sent.data["device_id"] == first.device
        await memberships.remove([Membership(ACCOUNT, GROUP, DeviceId(first.device))])
        await memberships.put([Membership(ACCOUNT, GROUP, DeviceId(second.device))])
        again = [each._replace(id=f"{each.id}.again") for each in (first, second)]
        await opened.happen(*again)
        (sent,) = await reading.take(1)
        assert sent.data["device_id"] == second.device
    await redis.aclose()


async def test_nothing_is_passed_over_while_groups_are_lost(opened: Site) -> None:
    redis = await connection.connect(opened.settings.redis_url)
    memberships = Memberships(redis)
    (first,) = deregistrations(1)
    await put(opened, groups=[GROUP])
    await opened.trust.mark_lost()
    await opened.happen(first)
    async with source(opened.url, "all") as reading:
        await reading.until_closed()
        assert reading.last_id == ""
    await memberships.put([Membership(ACCOUNT, GROUP, DeviceId(first.device))])
    await opened.trust.put_fingerprint("whole again")
    async with source(opened.url, "all") as reading:
        (sent,) = await reading.take(1)
        assert sent.data["device_id"] == first.device
    await redis.aclose()


async def test_the_place_goes_on_though_nothing_is_selected(opened: Site) -> None:
    await put(opened, paths=["/1/0/1"], facts=["resource.notified"])
    await opened.happen(value("/3303/0/5700"), value("/3303/0/5701"))
    async with source(opened.url, "all") as reading:
        await opened.happen(value("/1/0/1"))
        (sent,) = await reading.take(1)
        assert sent.id == "3"
        await opened.happen(value("/3303/0/5702"), event(FactName.DEVICE_REGISTERED, 1))
        reading.response.aiter_lines()

        async def moved() -> bool:
            async for line in reading._lines:
                reading._field(line, [])
                if reading.last_id == "5":
                    return True
            return False

        await until(moved)


async def test_a_fact_may_come_as_a_notification(opened: Site) -> None:
    await put(opened)
    completed = event(FactName.REQUEST_COMPLETED, 3)
    answer = orjson.loads(completed.body) | {
        "request_id": "r",
        "key_id": KEY_ID,
        "async_id": "mine",
        "method": "GET",
        "path": "/3/0/0",
        "outcome": "answered",
        "code": "2.05",
        "payload": "MjE=",
    }
    gone = event(FactName.DEVICE_DEREGISTERED, 2)
    await opened.happen(
        event(FactName.DEVICE_BOOTSTRAPPING, 1),
        value("/3303/0/5700"),
        completed._replace(body=orjson.dumps(answer)),
        completed._replace(
            id="another", body=orjson.dumps(answer | {"key_id": "e" * 32})
        ),
        gone,
    )
    async with source(opened.url, "all", form="notification") as reading:
        sent = await reading.take(3)
    assert [list(each.data) for each in sent] == [
        ["notifications"],
        ["async-responses"],
        ["de-registrations"],
    ]
    assert sent[2].data == {"de-registrations": [gone.device]}


async def test_the_newest_reader_takes_over(opened: Site) -> None:
    await put(opened)
    async with opened.routes() as elsewhere:
        async with source(opened.url, "all") as older:
            await opened.happen(*deregistrations(1))
            await older.take(1)
            async with source(elsewhere, "all", last_id=older.last_id) as newer:
                await older.until_closed()
                assert older.retry == 1000 * event_streams.TAKEN_OVER_SECONDS
                assert (await get(opened))["connected"]
                await opened.happen(*deregistrations(1, start=1))
                assert [each.id for each in await newer.take(1)] == ["2"]

        async def left() -> bool:
            return not (await get(opened))["connected"]

        await until(left)


async def test_a_reader_ends_with_its_consumer(opened: Site) -> None:
    await put(opened)
    async with source(opened.url, "all") as reading:
        await opened.client.delete(f"{CONSUMERS}/all")
        await reading.until_closed()


async def test_a_reader_comes_again_for_another_selection(opened: Site) -> None:
    await put(opened)
    async with source(opened.url, "all") as reading:
        await put(opened, facts=["device.registered"])
        await reading.until_closed()


async def test_a_reader_ends_with_its_key(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "LOOK_SECONDS", 0.1)
    await put(opened)
    async with source(opened.url, "all") as reading:
        await opened.trust.remove_api_key(trust.digest(KEY), KEY_ID)
        await reading.until_closed()


async def test_a_reader_ends_that_was_taken_over_unheard(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "LOOK_SECONDS", 0.1)
    await put(opened)
    async with source(opened.url, "all") as reading:
        await opened.query("UPDATE notifier.consumers SET reader = 'another'")
        await reading.until_closed()


async def test_a_reader_is_told_that_a_replica_ends(opened: Site) -> None:
    await put(opened)
    async with opened.routes() as elsewhere:
        reading = source(elsewhere, "all")
        closing = asyncio.create_task((await reading.__aenter__()).until_closed())
    await closing
    await reading.__aexit__(None, None, None)


async def test_who_reads_nothing_is_cut(opened: Site) -> None:
    await put(opened)
    ended = _ENDED.labels("not-read")
    before = ended._value.get()
    host, port = httpx.URL(opened.url).host, httpx.URL(opened.url).port
    reader, writer = await asyncio.open_connection(host, port, limit=1024)
    writer.write(
        f"GET {CONSUMERS}/all/events HTTP/1.1\r\nhost: {host}\r\n"
        f"authorization: Bearer {KEY}\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    large = value("/3303/0/5700")
    body = orjson.loads(large.body) | {"payload": "A" * 500_000}
    for number in range(40):
        await opened.happen(
            large._replace(id=f"large.{number}", body=orjson.dumps(body))
        )

    async def cut() -> bool:
        return bool(ended._value.get() > before)

    await until(cut)
    writer.transport.resume_reading()
    while await reader.read(65_536):
        """Reach the end."""
    writer.close()


async def test_a_reader_that_has_died_is_not_there(opened: Site) -> None:
    await put(opened)
    await opened.query("UPDATE notifier.consumers SET reader = 'dead'")
    assert not (await get(opened))["connected"]
    async with source(opened.url, "all"):
        assert (await get(opened))["connected"]


async def test_who_reads_has_no_consumer_in_nats_once_everything_is_told(
    opened: Site,
) -> None:
    await opened.happen(*deregistrations(1))
    await put(opened, start="first")
    async with source(opened.url, "all") as reading:
        await reading.take(1)

        async def none() -> bool:
            return not await opened.nats.jetstream().consumers_info(subjects.STREAM)

        await until(none)
        await opened.happen(*deregistrations(1, start=1))
        assert [each.id for each in await reading.take(1)] == ["2"]


async def test_wrong_wishes_are_refused(opened: Site) -> None:
    await put(opened)
    path = f"{CONSUMERS}/all/events"
    for wish, word in (
        ({"params": {"form": "xml"}}, "INVALID_FORM"),
        ({"params": {"confirm": "never"}}, "INVALID_CONFIRM"),
        ({"headers": {"last-event-id": "-1"}}, "INVALID_LAST_EVENT_ID"),
    ):
        answer = await opened.client.get(path, **wish)  # type: ignore[arg-type]
        assert (answer.status_code, answer.text) == (400, word)


async def test_what_has_left_the_stream_is_counted_when_a_reader_comes(
    opened: Site,
) -> None:
    await put(opened)
    await opened.happen(*deregistrations(5))
    assert (await get(opened))["waiting"] == 5
    await opened.nats.jetstream().purge_stream(subjects.STREAM, keep=1)
    async with source(opened.url, "all") as reading:
        assert [each.id for each in await reading.take(1)] == ["5"]
    assert (await get(opened))["dropped"] == 4
