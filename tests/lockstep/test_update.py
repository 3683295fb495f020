"""Updates and ends of registrations, case by case."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from homeport import names
from homeport.coap.codec import Code
from homeport.events.facts import AnyFact, RegistrationUpdated
from homeport.store import keys
from tests.support.lwm2m_edge import IZUMA, KEY, KITCHEN, REGISTER, Edge, serving
from tests.support.sessions import BUCKETS

pytestmark = pytest.mark.integration

LINKS = b"</1/0>,</3/0>;obs"


async def updated(edge: Edge) -> RegistrationUpdated:
    """Return the newest update."""
    last = (await edge.facts())[-1]
    assert isinstance(last, RegistrationUpdated)
    return last


def paths(fact: AnyFact) -> list[str]:
    return [resource.path for resource in getattr(fact, "resources", ())]


def lasts(fact: RegistrationUpdated) -> float:
    """Return for how many seconds a registration was good when it was told."""
    return (fact.expires_at - fact.time).total_seconds()


@pytest.mark.conforms("C-098", "ETS-102", "B-105")
async def test_a_lifetime_that_was_changed_stays(edge: Edge) -> None:
    device = edge.device()
    created = await device.register()
    await device.update(created.location, ("lt=20",))
    assert (await updated(edge)).changes == ("lifetime",)
    await device.update(created.location)
    fact = await updated(edge)
    assert (fact.lifetime, fact.changes, lasts(fact)) == (20, (), 20)


@pytest.mark.conforms("C-099", "ETS-104")
async def test_an_update_that_says_nothing_keeps_the_registration(edge: Edge) -> None:
    device = edge.device()
    created = await device.register()
    assert (await device.update(created.location)).code == Code.CHANGED
    assert (await updated(edge)).changes == ()


@pytest.mark.conforms("C-100", "ETS-107", "B-105", "B-110")
@pytest.mark.parametrize(("lifetime", "seconds"), [(1, 1), (3_600, 3_600), (0, 2**31)])
async def test_a_lifetime_may_be_a_second_or_for_ever(
    edge: Edge, lifetime: int, seconds: int
) -> None:
    device = edge.device()
    created = await device.register()
    await device.update(created.location, (f"lt={lifetime}",))
    assert lasts(await updated(edge)) == seconds


@pytest.mark.conforms("C-101", "ETS-105", "B-109", "B-132")
async def test_a_device_that_falls_silent_expires_once(edge: Edge) -> None:
    device = edge.device()
    created = await device.register()
    expiry = keys.expiry(names.bucket(KITCHEN, BUCKETS))
    await edge.store.redis.zadd(expiry, {KITCHEN: 1})
    assert (await edge.expire()).ended == 1
    assert (await edge.expire()).ended == 0
    assert (await device.update(created.location)).code == Code.NOT_FOUND
    assert [fact.name.value for fact in await edge.facts()] == [
        "device.registered",
        "registration.expired",
    ]


@pytest.mark.conforms("C-102", "B-094")
async def test_another_identity_finds_nothing_and_changes_nothing(edge: Edge) -> None:
    owner = edge.device("owner", identity=KEY)
    thief = edge.device("thief", identity=replace(KEY, name="psk:2"))
    created = await owner.register()
    for answer in (
        await thief.update(created.location, ("lt=1",)),
        await thief.deregister(created.location),
    ):
        assert answer.code == Code.NOT_FOUND
    assert len(await edge.facts()) == 1
    assert (await owner.update(created.location)).code == Code.CHANGED


@pytest.mark.conforms("C-103", "Leshan MultiEndpointsTest")
async def test_what_was_registered_securely_is_not_touched_without_security(
    edge: Edge,
) -> None:
    created = await edge.device("secured", identity=KEY).register()
    plain = edge.device("plain")
    assert (await plain.update(created.location)).code == Code.NOT_FOUND


@pytest.mark.conforms("C-104", "1.0 Update", "B-101")
async def test_the_links_of_a_plain_device_are_all_that_it_has(edge: Edge) -> None:
    device = edge.device()
    created = await device.register(payload=LINKS)
    await device.update(created.location, payload=b"</3/0>,</5/0>")
    fact = await updated(edge)
    assert (paths(fact), fact.changes) == (["/3/0", "/5/0"], ("resources",))


@pytest.mark.conforms("C-105", "B-101", "B-104")
async def test_the_links_of_an_izuma_device_are_what_it_has_got(edge: Edge) -> None:
    device = edge.device()
    created = await device.register(IZUMA, LINKS)
    await device.update(created.location, ("et=default",), b"</5/0>")
    assert paths(await updated(edge)) == ["/1/0", "/3/0", "/5/0"]


@pytest.mark.conforms("C-106", "B-101")
async def test_what_an_izuma_device_marks_as_gone_is_gone(edge: Edge) -> None:
    device = edge.device()
    created = await device.register(IZUMA, LINKS)
    await device.update(created.location, ("et=default",), b"</1/0>;d,</9/9>;d")
    assert paths(await updated(edge)) == ["/3/0"]


@pytest.mark.conforms("C-107", "B-101", "B-104")
@pytest.mark.parametrize("queries", [REGISTER, IZUMA], ids=["plain", "izuma"])
async def test_no_links_are_no_change_and_the_fact_is_full(
    edge: Edge, queries: Sequence[str]
) -> None:
    device = edge.device()
    created = await device.register(queries, LINKS)
    await device.update(created.location, content_format=40)
    fact = await updated(edge)
    assert (paths(fact), fact.changes) == (["/1/0", "/3/0"], ())


@pytest.mark.conforms("C-108", "1.1 Update")
@pytest.mark.parametrize(
    ("version", "queries", "binding"),
    [("1.0", ("b=UQ",), "UQ"), ("1.1", ("Q",), "U"), ("1.2", ("b=UT", "Q"), "UT")],
)
async def test_a_device_may_begin_to_sleep(
    edge: Edge, version: str, queries: Sequence[str], binding: str
) -> None:
    device = edge.device()
    created = await device.register(("ep=kitchen", f"lwm2m={version}"))
    await device.update(created.location, queries)
    fact = await updated(edge)
    assert (fact.queue_mode, fact.binding) == (True, binding)


@pytest.mark.conforms("C-108", "1.1 Update", "B-199")
async def test_a_binding_of_another_version_changes_nothing(edge: Edge) -> None:
    device = edge.device()
    created = await device.register()
    refused = await device.update(created.location, ("b=UQ",))
    assert (refused.code, bool(refused.payload)) == (Code.BAD_REQUEST, True)
    assert len(await edge.facts()) == 1


@pytest.mark.conforms("C-109", "Leshan DynamicIP", "B-093")
async def test_a_device_may_come_from_another_address(edge: Edge) -> None:
    created = await edge.device("a", identity=KEY).register()
    elsewhere = edge.device("b", identity=KEY, peer="192.0.2.2")
    assert (await elsewhere.update(created.location)).code == Code.CHANGED
    session = keys.session(names.bucket(KITCHEN, BUCKETS), KITCHEN)
    assert await edge.store.redis.hget(session, "peer") == b"192.0.2.2:5683"


@pytest.mark.conforms("C-110", "UPD-5", "B-093")
async def test_a_location_outlives_its_association_and_its_edge(
    edge: Edge, redis_url: str
) -> None:
    created = await edge.device("a", identity=KEY).register()
    async with serving(redis_url) as other:
        again = other.device("b", identity=KEY)
        assert (await again.update(created.location)).code == Code.CHANGED


@pytest.mark.conforms("C-076", "1.1 Update", "B-200")
async def test_what_an_update_says_besides_is_kept_beside_what_there_was(
    edge: Edge,
) -> None:
    device = edge.device()
    created = await device.register((*REGISTER, "sms=1", "color=red"))
    await device.update(created.location, ("sms=2",))
    fact = await updated(edge)
    assert fact.parameters == {"sms": "2", "color": "red"}
    assert fact.changes == ("parameters",)


@pytest.mark.conforms("C-252", "B-108")
@pytest.mark.parametrize("seconds", [300, -300])
async def test_a_clock_that_jumps_ends_nothing_and_turns_nothing_back(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    right, jumped = edge.device(), time.time
    location = (await right.register(("ep=kitchen", "lt=60", "lwm2m=1.1"))).location
    monkeypatch.setattr(time, "time", lambda: jumped() + seconds)
    assert (await right.update(location)).code == Code.CHANGED
    assert (await edge.expire()).ended == 0
    other = edge.device("two")
    assert (
        await other.register(("ep=bath", "lt=60", "lwm2m=1.1"))
    ).code == Code.CREATED
    monkeypatch.undo()
    assert (await right.update(location)).code == Code.CHANGED
    assert (await edge.expire()).ended == 0
    revisions = [fact.revision for fact in await edge.store.facts_of(KITCHEN)]
    assert len(revisions) == 3
    assert revisions == sorted(set(revisions))


@pytest.mark.conforms("C-252")
async def test_a_store_whose_clock_was_ahead_turns_nothing_back(edge: Edge) -> None:
    device = edge.device()
    location = (await device.register()).location
    ahead = edge.store.clock.microseconds(edge.store.clock.now()) + 300_000_000
    bucket = names.bucket(KITCHEN, BUCKETS)
    await edge.store.redis.set(keys.clock(bucket), ahead)
    for _ in range(2):
        assert (await device.update(location)).code == Code.CHANGED
    revisions = [fact.revision for fact in await edge.store.facts_of(KITCHEN)]
    assert revisions[1:] == [ahead + 1, ahead + 2]
    assert (await edge.expire()).ended == 0


@pytest.mark.conforms("C-238")
async def test_after_the_store_is_emptied_devices_register_again_as_who_they_are(
    edge: Edge,
) -> None:
    device = edge.device()
    location = (await device.register()).location
    (before,) = await edge.facts()
    await edge.store.redis.flushall()
    assert (await device.update(location)).code == Code.NOT_FOUND
    created = await device.register()
    assert created.code == Code.CREATED
    assert created.location != location
    (after,) = await edge.facts()
    assert after.device_id == before.device_id
    assert after.revision > before.revision
