"""A device between both of its servers, case by case."""

from dataclasses import replace

import pytest

from homeport.coap import codec
from homeport.coap.codec import Code
from homeport.events.facts import (
    DeviceBootstrapped,
    DeviceRegistered,
    FactName,
    RequestCompleted,
    RequestOutcome,
)
from homeport.identity import Identity, Means
from homeport.names import EndpointName
from homeport.protocol.device_requests import Method
from tests.support import bootstrap_edge, lwm2m_edge
from tests.support.bootstrap import BY_KEY, origin, request
from tests.support.bootstrap_edge import answer_all
from tests.support.lwm2m_edge import KITCHEN, REGISTER
from tests.support.sessions import ACCOUNT

pytestmark = pytest.mark.integration

ISSUED = Identity(
    f"issued:{KITCHEN}",
    Means.ISSUED,
    account=ACCOUNT,
    endpoint_name=EndpointName("kitchen"),
    device=KITCHEN,
    issued=17,
)
RENEWED = replace(ISSUED, issued=18)
SLEEPER = (*REGISTER, "Q")


async def bootstrapped(edge: bootstrap_edge.Edge) -> None:
    """Let the device have new credentials."""
    device = edge.port.connect(origin(replace(BY_KEY, account=ACCOUNT)))
    device.say(codec.encode(request("ep=kitchen", "pct=112")))
    assert (await device.hear_message()).code == Code.CHANGED
    await answer_all(device)


@pytest.mark.conforms("C-005", "ETS-5", "B-195")
async def test_a_device_that_is_sent_to_bootstrap_goes_and_its_caller_hears_it(
    redis_url: str,
) -> None:
    async with (
        lwm2m_edge.serving(redis_url) as edge,
        bootstrap_edge.serving(redis_url) as factory,
    ):
        device = edge.device(identity=ISSUED)
        await device.register()
        await edge.ask(Method.POST, "/1/0/9", request="a" * 32)
        asked = await device.hear_request()
        assert (asked.code, asked.path) == (Code.POST, ("1", "0", "9"))
        device.answer(asked, Code.CHANGED)
        (ended,) = await edge.ended()
        assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.04")
        await bootstrapped(factory)
        again = edge.device("again", identity=RENEWED)
        assert (await again.register()).code == Code.CREATED
        facts = await edge.facts()
    assert [fact.name for fact in facts if fact.device_id == KITCHEN] == [
        FactName.DEVICE_REGISTERED,
        FactName.REQUEST_COMPLETED,
        FactName.DEVICE_BOOTSTRAPPING,
        FactName.DEVICE_BOOTSTRAPPED,
        FactName.DEVICE_REGISTERED,
    ]


@pytest.mark.conforms("C-245", "B-162", "B-093")
async def test_what_waits_is_delivered_behind_a_new_certificate(redis_url: str) -> None:
    async with (
        lwm2m_edge.serving(redis_url) as edge,
        bootstrap_edge.serving(redis_url) as factory,
    ):
        device = edge.device(identity=ISSUED)
        location = (await device.register(SLEEPER)).location
        await edge.enqueue(request="a" * 32)
        await edge.enqueue(request="b" * 32)
        await bootstrapped(factory)
        again = edge.device("again", identity=RENEWED)
        assert (await again.update(location)).code == Code.CHANGED
        for _ in range(2):
            again.answer(await again.hear_request())
        ended = await edge.ended(2)
    assert [(each.request_id, each.outcome) for each in ended] == [
        ("a" * 32, RequestOutcome.ANSWERED),
        ("b" * 32, RequestOutcome.ANSWERED),
    ]


@pytest.mark.conforms("C-245", "B-129", "B-131", "B-162")
async def test_what_waits_ends_with_the_register_behind_a_new_certificate(
    redis_url: str,
) -> None:
    async with (
        lwm2m_edge.serving(redis_url) as edge,
        bootstrap_edge.serving(redis_url) as factory,
    ):
        await edge.device(identity=ISSUED).register(SLEEPER)
        await edge.enqueue(request="a" * 32)
        await edge.enqueue(request="b" * 32)
        await bootstrapped(factory)
        facts = await edge.facts()
        assert not any(isinstance(fact, RequestCompleted) for fact in facts)
        again = edge.device("again", identity=RENEWED)
        assert (await again.register(SLEEPER)).code == Code.CREATED
        ended = await edge.ended(2)
        facts = await edge.facts()
    assert {each.request_id for each in ended} == {"a" * 32, "b" * 32}
    assert {each.outcome for each in ended} == {RequestOutcome.REMOVED}
    registered = [fact for fact in facts if isinstance(fact, DeviceRegistered)]
    assert {fact.device_id for fact in registered} == {KITCHEN}
    assert any(isinstance(fact, DeviceBootstrapped) for fact in facts)
