"""Whose a registration is, by its name, its credential and its account."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from homeport.coap.codec import Code
from homeport.events.facts import DeviceRegistered, RegistrationRefused
from homeport.identity import Identity, Means
from homeport.names import AccountId, EndpointName
from tests.support.lwm2m_edge import IZUMA, KEY, KITCHEN, REGISTER, Edge, serving
from tests.support.registrations import changed, registered, told
from tests.support.sessions import ACCOUNT

pytestmark = pytest.mark.integration

OTHER_KEY = replace(KEY, name="psk:2")
ISSUED = Identity(
    f"issued:{KITCHEN}",
    Means.ISSUED,
    account=ACCOUNT,
    endpoint_name=EndpointName("kitchen"),
    device=KITCHEN,
    issued=17,
)


@pytest.mark.conforms("C-070", "Leshan RegistrationTest", "B-046")
async def test_a_device_without_a_name_has_that_of_its_credential(edge: Edge) -> None:
    device = edge.device(identity=KEY)
    assert (await device.register(changed(ep=""))).code == Code.CREATED
    assert (await registered(edge)).endpoint_name == "kitchen"


@pytest.mark.conforms("C-071", "Leshan RegistrationTest", "B-046")
async def test_a_device_without_name_and_credential_is_refused(edge: Edge) -> None:
    assert (await edge.device().register(changed(ep=""))).code == Code.BAD_REQUEST


@pytest.mark.conforms("C-087", "B-077")
async def test_of_two_devices_with_one_id_the_later_wins(edge: Edge) -> None:
    here = edge.device("here", identity=ISSUED)
    there = edge.device("there", identity=ISSUED, peer="192.0.2.2")
    first = await here.register()
    await there.register()
    assert (await here.update(first.location)).code == Code.NOT_FOUND


@pytest.mark.conforms("C-243", "B-095", "B-077")
@pytest.mark.parametrize("queries", [REGISTER, IZUMA], ids=["standard", "izuma"])
async def test_two_devices_with_one_credential_are_a_conflict_that_the_later_wins(
    edge: Edge, queries: Sequence[str]
) -> None:
    here = edge.device("here", identity=ISSUED)
    there = edge.device("there", identity=ISSUED, peer="192.0.2.2")
    for device in (here, here):
        created = await device.register(queries)
        assert (await registered(edge)).conflicts_with == ""
    assert (await there.register(queries)).code == Code.CREATED
    assert (await registered(edge)).conflicts_with == "192.0.2.1:5683"
    await edge.enqueue()
    edge.listener.downlink.wake(KITCHEN)
    there.answer(await there.hear_request())
    await edge.ended()
    assert not here.wire.unheard
    renewed = await here.update(created.location)
    assert renewed.code == (Code.NOT_FOUND if queries is REGISTER else Code.CHANGED)


@pytest.mark.conforms("C-243", "B-095")
async def test_who_comes_again_as_it_should_is_in_conflict_with_nobody(
    edge: Edge,
) -> None:
    here = edge.device("here", identity=ISSUED)
    created = await here.register()
    await here.deregister(created.location)
    left = edge.device("left", identity=ISSUED, peer="192.0.2.2")
    await left.register()
    renewed = replace(ISSUED, issued=ISSUED.issued + 1)
    await edge.device("new", identity=renewed, peer="192.0.2.3").register()
    for fact in await edge.facts():
        if isinstance(fact, DeviceRegistered):
            assert fact.conflicts_with == ""


@pytest.mark.conforms("C-088", "B-078", "B-080")
async def test_of_two_devices_with_one_name_the_later_wins_and_the_id_stays(
    edge: Edge,
) -> None:
    here, there = edge.device("here"), edge.device("there", peer="192.0.2.2")
    first, second = await here.register(), await there.register()
    assert first.location[1][:32] == second.location[1][:32] == KITCHEN
    assert (await here.update(first.location)).code == Code.NOT_FOUND


@pytest.mark.conforms("C-089", "B-096")
@pytest.mark.parametrize(
    ("replaces", "code"), [(False, Code.FORBIDDEN), (True, Code.CREATED)]
)
async def test_whether_another_credential_takes_over_a_name_is_a_setting(
    redis_url: str, code: Code, *, replaces: bool
) -> None:
    async with serving(redis_url, replaces=replaces) as edge:
        await edge.device("here", identity=KEY).register()
        answer = await edge.device("there", identity=OTHER_KEY).register()
        assert answer.code == code
        refused = isinstance((await edge.facts())[-1], RegistrationRefused)
        assert refused is not replaces


@pytest.mark.conforms("C-096", "B-043", "Anjay forbidden_on_register")
@pytest.mark.parametrize(
    ("queries", "code"),
    [
        (REGISTER, Code.FORBIDDEN),
        (("lwm2m=1.0", "mccv=4.13.2"), Code.UNAUTHORIZED),
    ],
    ids=["plain", "izuma"],
)
async def test_a_device_of_another_account_is_refused_as_its_kind_survives_it(
    edge: Edge, queries: Sequence[str], code: Code
) -> None:
    device = edge.device(identity=KEY)
    other = AccountId("b" * 32)
    refused = await device.register((*queries, f"aid={other}"))
    assert refused.code == code
    assert told(await edge.facts()) == ["registration.refused"]


@pytest.mark.conforms("C-213", "B-047", "B-048")
@pytest.mark.parametrize("name", ["", "a\x00b", "a\nb", "x" * 250, "x" * 65])
async def test_a_name_that_is_none_leaves_no_trace(edge: Edge, name: str) -> None:
    refused = await edge.device().register((f"ep={name}", "lwm2m=1.1"))
    assert refused.code == Code.BAD_REQUEST
    assert await edge.store.redis.keys("*session*") == []
    assert await edge.facts() == []


@pytest.mark.conforms("C-213", "B-048")
@pytest.mark.parametrize(
    "name", ["a/b", "*", "a.>", "{b1}:x", "\N{SNOWMAN} ü", "a:b c"]
)
async def test_a_strange_name_is_in_no_key(edge: Edge, name: str) -> None:
    await edge.device().register((f"ep={name}", "lwm2m=1.1"))
    assert (await registered(edge)).endpoint_name == name
    written = await edge.store.redis.keys("*")
    assert not any(name.encode() in key for key in written)
