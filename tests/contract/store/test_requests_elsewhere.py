"""Requests of devices whose edge is gone, or that answer another one."""

import pytest

from homeport.events.facts import RequestOutcome
from homeport.names import DeviceId, EdgeId
from homeport.protocol import device_requests
from homeport.store import values
from homeport.store.operations import (
    Outcome,
    RecalledSession,
    Result,
    TakenRequest,
)
from homeport.store.requests import (
    Hear,
    Lapse,
    Recall,
)
from tests.support.queued import (
    DEVICE,
    LEASE,
    VALUE,
    complete,
    do,
    ended,
    hold,
    location,
    postpone,
    queue,
    recall,
    take,
    taken,
)
from tests.support.sessions import BUCKETS, Edge, device, mark

pytestmark = pytest.mark.integration


async def test_an_edge_gets_a_device_whose_edge_is_gone(
    here: Edge, there: Edge
) -> None:
    await here.do(DEVICE.enqueue("a"))
    (outcome,) = await there.do(recall(here.identity))
    assert isinstance(outcome, RecalledSession)
    assert (outcome.peer, outcome.exchanges, outcome.mark) == (
        *(DEVICE.peer, DEVICE.peer, ""),
    )
    assert (outcome.profile, outcome.queue_mode) == ("lwm2m-1.1", False)
    assert 0 <= outcome.silent_milliseconds < 5_000
    assert await taken(there) == "a"


async def test_of_several_that_want_a_device_one_gets_it(
    here: Edge, there: Edge
) -> None:
    await here.do(DEVICE.enqueue("a"))
    await there.do(recall(here.identity))
    (outcome,) = await here.do(recall("lwm2m-gone"))
    assert outcome == Outcome(Result.ELSEWHERE, edge=there.identity)
    assert await do(there, recall("lwm2m-gone")) == [Result.RECALLED]


async def test_who_is_asked_nothing_is_not_looked_for(here: Edge, there: Edge) -> None:
    stranger = device("urn:dev:2")
    unknown = Recall(stranger.bucket, stranger.id, EdgeId(here.identity))
    assert await do(there, recall(here.identity), unknown) == [
        Result.EMPTY,
        Result.UNKNOWN,
    ]
    await here.do(DEVICE.enqueue("a"))
    assert await do(here, take()) == [Result.TAKEN]


async def test_what_leads_to_a_device_is_that_of_its_last_message(
    here: Edge, there: Edge
) -> None:
    (outcome,) = await here.do(
        DEVICE.register(2, exchange="c0ffee#7", mark=mark(1, 5), queue_mode=1)
    )
    await here.do(
        DEVICE.refresh(8, outcome.registration)._replace(
            exchange="c0ffee#8", mark=mark(1, 6), peer="192.0.2.9:1"
        ),
        DEVICE.enqueue("a"),
    )
    (outcome,) = await there.do(recall(here.identity))
    assert isinstance(outcome, RecalledSession)
    assert (outcome.peer, outcome.exchanges, outcome.mark) == (
        *("192.0.2.9:1", "c0ffee", mark(1, 6)),
    )
    assert outcome.queue_mode


def hear(token: str = "", *, acknowledged: int = 0) -> Hear:
    return Hear(DEVICE.bucket, DEVICE.id, "nosec", token, acknowledged, LEASE)


async def asked(store: Edge, request: str = "a") -> str:
    """Let an edge ask something; return the token."""
    await store.do(DEVICE.enqueue(request))
    (outcome,) = await store.do(take())
    assert isinstance(outcome, TakenRequest)
    return outcome.token


async def test_who_hears_a_device_answer_another_edge_has_it(
    here: Edge, there: Edge
) -> None:
    await here.do(DEVICE.register(2, exchange="c0ffee#7", mark=mark(1, 5)))
    await asked(here)
    heard = hear("0a0b0c0d")._replace(mark=mark(1, 6))
    (outcome,) = await there.do(heard)
    assert outcome == Outcome(Result.HEARD, waiting=True)
    assert await do(there, heard, heard._replace(identity="other", mark="")) == [
        Result.REPLAYED,
        Result.UNKNOWN,
    ]
    (outcome,) = await here.do(postpone("a"))
    assert outcome == Outcome(Result.POSTPONED, edge=there.identity)
    assert await taken(there) == "a"


@pytest.mark.conforms("B-180")
@pytest.mark.parametrize("left", [False, True])
async def test_who_hears_the_answer_to_a_request_goes_on_with_that(
    here: Edge, there: Edge, *, left: bool
) -> None:
    token = await asked(here)
    if left:
        await here.do(postpone("a"))
    (outcome,) = await there.do(hear(token))
    assert isinstance(outcome, TakenRequest)
    assert device_requests.parse(outcome.body).id == "a"
    assert (outcome.token, outcome.identity) == (token, "nosec")
    assert await do(here, hold("a"), postpone("a"), take()) == [
        *(Result.UNKNOWN, Result.POSTPONED, Result.ELSEWHERE),
    ]
    assert await do(there, take(), complete("a")) == [Result.BUSY, Result.RECORDED]
    assert await do(here, complete("a"), hear(token)) == [
        *(Result.UNKNOWN, Result.HEARD),
    ]
    assert await ended(here) == [("a", RequestOutcome.ANSWERED)]


async def test_an_answer_to_something_else_ends_nothing(
    here: Edge, there: Edge
) -> None:
    earlier = await asked(here)
    await here.do(complete("a"))
    assert await asked(here, "b") != earlier
    stranger = hear(earlier)._replace(identity="other")
    assert await do(there, hear(earlier), hear(), stranger) == [
        *(Result.HEARD, Result.HEARD, Result.UNKNOWN),
    ]
    assert await do(here, hold("b")) == [Result.RECORDED]


async def test_an_edge_goes_on_with_what_it_asks_itself(here: Edge) -> None:
    token = await asked(here)
    assert await do(here, hear(token), hear(acknowledged=1)) == [Result.HEARD] * 2
    await here.do(postpone("a"))
    assert await do(here, hear(token)) == [Result.TAKEN]


async def test_every_attempt_has_the_same_token(here: Edge, there: Edge) -> None:
    token = await asked(here)
    await here.do(postpone("a"))
    await there.do(DEVICE.update(2, await location(here)))
    (outcome,) = await there.do(take())
    assert isinstance(outcome, TakenRequest)
    assert outcome.token == token


async def test_what_another_edge_hears_acknowledged_is_not_sent_again(
    here: Edge, there: Edge
) -> None:
    assert await do(here, hear(acknowledged=1)) == [Result.HEARD]
    await asked(here)
    await here.do(DEVICE.enqueue("b"))
    nobody = hear(acknowledged=1)._replace(lease=0)
    assert await do(there, nobody) == [Result.TAKEN]
    assert await taken(there) == "b"
    assert await ended(here) == [("a", RequestOutcome.TIMEOUT)]


async def test_a_sweep_ends_what_was_acknowledged_and_nobody_waits_for(
    here: Edge, there: Edge
) -> None:
    text = values.build(VALUE)
    await here.do(DEVICE.enqueue("a"), complete("a", path="/3/0/0", value=text))
    await asked(here, "b")
    await here.do(hold("b", acknowledged=1, lease=0))
    await there.sessions.expire([Lapse(DEVICE.bucket, 10)], now=there.clock.now())
    assert await ended(here) == [
        ("a", RequestOutcome.ANSWERED),
        ("b", RequestOutcome.TIMEOUT),
    ]
    assert await queue(here).value(DEVICE.id, "/3/0/0") is None


async def test_requests_are_found_whose_edge_is_gone(here: Edge, there: Edge) -> None:
    asleep = device("urn:dev:2")
    await there.do(asleep.register(1), asleep.enqueue("b"))
    await here.do(DEVICE.enqueue("a"), DEVICE.enqueue("b"))

    async def stranded(*living: str) -> list[tuple[DeviceId, EdgeId]]:
        return [
            each
            for bucket in range(BUCKETS)
            async for found in queue(here).stranded(bucket, set(living))
            for each in found
        ]

    assert await stranded(here.identity, there.identity) == []
    assert await stranded(there.identity) == [(DEVICE.id, here.identity)]
    assert sorted(await stranded()) == sorted(
        [(DEVICE.id, here.identity), (asleep.id, there.identity)]
    )
