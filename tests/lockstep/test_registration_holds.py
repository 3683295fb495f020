"""Devices that register again and again are held."""

import pytest

from homeport import names
from homeport.coap.codec import Code, Option
from homeport.protocol.alterations import Alterations
from homeport.store import keys
from tests.support.lwm2m_edge import IZUMA, KITCHEN, REGISTER, Edge, serving
from tests.support.registrations import told
from tests.support.sessions import BUCKETS

pytestmark = pytest.mark.integration

OPERATIONS = 10
"""As many registration operations are free within ten seconds (B-112)."""


async def held_no_longer(edge: Edge) -> None:
    """Let the hold pass in the store, without waiting for it."""
    session = keys.session(names.bucket(KITCHEN, BUCKETS), KITCHEN)
    await edge.store.redis.hset(session, mapping={"held_until": 0, "recent": ""})


@pytest.mark.conforms("C-092", "B-112", "RFC 8516")
async def test_the_eleventh_registration_in_ten_seconds_is_held(edge: Edge) -> None:
    device = edge.device()
    for _ in range(OPERATIONS):
        assert (await device.register()).code == Code.CREATED
    held = await device.register()
    assert held.code == Code.TOO_MANY_REQUESTS
    assert 1 <= (held.number(Option.MAX_AGE) or 0) <= 60
    assert (await device.register()).code == Code.TOO_MANY_REQUESTS
    assert told(await edge.facts()).count("registration.refused") == 1
    await held_no_longer(edge)
    assert (await device.register()).code == Code.CREATED


@pytest.mark.conforms("C-093", "B-113")
async def test_another_edge_or_port_is_no_way_around_the_hold(
    edge: Edge, redis_url: str
) -> None:
    async with serving(redis_url) as other:
        devices = [
            place.device(f"{number}", peer=f"192.0.2.{number}")
            for number, place in enumerate([edge, other] * (OPERATIONS // 2))
        ]
        for device in devices:
            assert (await device.register()).code == Code.CREATED
        assert (await other.device("x").register()).code == Code.TOO_MANY_REQUESTS


@pytest.mark.conforms("C-094", "B-118", "B-121", "REG-14")
async def test_a_held_izuma_device_hears_nothing_and_gets_in_after_it(
    edge: Edge,
) -> None:
    device = edge.device()
    for _ in range(OPERATIONS):
        await device.register(IZUMA)
    held = device.message_id + 1
    assert await device.silently(("rd",), IZUMA)
    await held_no_longer(edge)
    assert (await device.register(IZUMA, message_id=held)).code == Code.CREATED


async def test_a_refusal_is_in_the_words_that_the_altered_kind_survives(
    edge: Edge,
) -> None:
    await edge.alter(Alterations(name="izuma-standard"))
    device = edge.device()
    for _ in range(OPERATIONS):
        assert (await device.register()).code == Code.CREATED
    assert await device.silently(("rd",), REGISTER)
