"""What every store promises of device requests: each ends once, and in its turn."""

import pytest

from homeport.events.facts import RequestCompleted, RequestOutcome
from homeport.names import AccountId
from homeport.protocol import device_requests
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store import keys, values
from homeport.store.operations import (
    Outcome,
    Result,
    TakenRequest,
)
from homeport.store.requests import (
    Lapse,
)
from tests.support.queued import (
    ANSWERED,
    DEVICE,
    VALUE,
    complete,
    do,
    ended,
    hold,
    location,
    postpone,
    queue,
    take,
    taken,
)
from tests.support.sessions import Edge, device

pytestmark = pytest.mark.integration

OWN_TOKEN = "e9d71f5e"
"""That of a request whose id is ``b``: it has nothing but that to do with it."""


async def test_a_request_is_taken_whole_with_what_its_device_is(here: Edge) -> None:
    asked = DeviceRequest(
        *("r" * 32, "key", "mine", Method.PUT, "/5/0/1"),
        queries=("pmin=1",),
        content_format=0,
        payload=b"\x00\xff\n",
        retries=2,
        expires_at=2**45,
    )
    outcome = await queue(here).enqueue(DEVICE.account, DEVICE.id, asked)
    assert outcome == Outcome(Result.QUEUED, edge=here.identity)
    (outcome,) = await here.do(take())
    assert isinstance(outcome, TakenRequest)
    assert device_requests.parse(outcome.body) == asked
    assert (outcome.identity, outcome.profile, outcome.version) == (
        *("nosec", "lwm2m-1.1", "1.1"),
    )


async def test_it_is_taken_with_the_blocks_that_its_device_registered_with(
    here: Edge,
) -> None:
    await here.do(DEVICE.enqueue("a"))
    (outcome,) = await here.do(take())
    assert isinstance(outcome, TakenRequest)
    assert outcome.szx is None
    await here.do(DEVICE.register(2, szx=4), DEVICE.enqueue("b"))
    (outcome,) = await here.do(take())
    assert isinstance(outcome, TakenRequest)
    assert outcome.szx == 4


async def test_a_request_joins_the_queue_once(here: Edge) -> None:
    assert await do(here, DEVICE.enqueue("a"), DEVICE.enqueue("a")) == [
        Result.QUEUED,
        Result.QUEUED,
    ]
    assert await taken(here) == "a"
    assert await do(here, complete("a"), take()) == [Result.RECORDED, Result.EMPTY]


async def test_another_account_finds_no_device(here: Edge) -> None:
    assert await do(here, DEVICE.enqueue("a", account="b" * 32)) == [Result.UNKNOWN]


async def test_a_device_that_is_not_registered_is_asked_nothing(here: Edge) -> None:
    stranger = device("urn:dev:2")
    assert await do(here, stranger.enqueue("a")) == [Result.UNKNOWN]


async def test_the_queue_has_an_end_for_callers_and_not_for_us(here: Edge) -> None:
    await here.do(*(DEVICE.enqueue(str(number), most=3) for number in range(3)))
    assert await do(
        here, DEVICE.enqueue("one more", most=3), DEVICE.enqueue("-ours", most=3)
    ) == [Result.FULL, Result.QUEUED]


async def test_requests_are_taken_one_at_a_time_in_their_order(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), DEVICE.enqueue("b"))
    assert await taken(here) == "a"
    assert await do(here, take()) == [Result.BUSY]
    (outcome,) = await here.do(complete("a"))
    assert outcome == Outcome(Result.RECORDED, waiting=True)
    assert await taken(here) == "b"


async def test_an_end_is_one_event_with_all_that_is_known(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), take())
    assert await do(here, complete("a"), complete("a")) == [
        Result.RECORDED,
        Result.UNKNOWN,
    ]
    _, fact = await here.facts()
    assert isinstance(fact, RequestCompleted)
    assert fact.id == f"{DEVICE.id}.a"
    assert (fact.request_id, fact.key_id, fact.async_id) == ("a", "key", "async-a")
    assert (fact.method, fact.path, fact.code) == ("GET", "/3/0/0", "2.05")
    assert (fact.endpoint_name, fact.payload) == (DEVICE.endpoint_name, "NDI=")


async def test_an_update_says_that_requests_wait(here: Edge) -> None:
    (registered,) = await here.do(DEVICE.register(2))
    location = registered.registration
    await here.do(DEVICE.enqueue("a"))
    outcomes = await here.do(
        DEVICE.refresh(3, location), DEVICE.update(4, location, lifetime=90)
    )
    assert outcomes == [Outcome(Result.UPDATED, waiting=True)] * 2
    await here.do(take(), complete("a"))
    assert await here.do(DEVICE.refresh(5, location)) == [Outcome(Result.UPDATED)]


async def test_only_the_edge_that_has_the_device_takes(here: Edge, there: Edge) -> None:
    await there.do(DEVICE.enqueue("a"))
    assert await there.do(take()) == [Outcome(Result.ELSEWHERE, edge=here.identity)]


async def test_a_sleeping_device_is_left_alone(here: Edge) -> None:
    await here.do(DEVICE.register(2, queue_mode=1), DEVICE.enqueue("a"))
    assert await do(here, take(silent=4_501, awake=4_500)) == [Result.ASLEEP]
    assert await do(here, take(silent=4_500, awake=4_500)) == [Result.TAKEN]


async def test_a_request_whose_edge_died_is_sent_again(here: Edge, there: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), take(lease=0))
    await there.do(DEVICE.update(2, await location(here)))
    assert await taken(there) == "a"
    assert await do(here, hold("a")) == [Result.UNKNOWN]


async def test_one_that_was_acknowledged_is_not(here: Edge, there: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), DEVICE.enqueue("b"), take())
    await here.do(hold("a", acknowledged=1, lease=0))
    await there.do(DEVICE.update(2, await location(here)))
    assert await taken(there) == "b"
    assert await ended(here) == [("a", RequestOutcome.TIMEOUT)]


async def test_a_held_request_is_nobody_elses(here: Edge, there: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), take(lease=0), hold("a"))
    await there.do(DEVICE.update(2, await location(here)))
    assert await there.do(take()) == [Outcome(Result.BUSY, edge=here.identity)]


async def test_a_postponed_request_stays_the_first(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), DEVICE.enqueue("b"), take())
    asked = DeviceRequest("a", "key", "again", Method.GET, "/3/0/0", retries=1)
    outcomes = await here.do(postpone("a", device_requests.build(asked)))
    assert outcomes == [Outcome(Result.POSTPONED, edge=here.identity)]
    (outcome,) = await here.do(take())
    assert isinstance(outcome, TakenRequest)
    assert device_requests.parse(outcome.body) == asked


async def test_what_is_over_is_not_postponed(here: Edge) -> None:
    assert await do(here, postpone("a")) == [Result.UNKNOWN]


async def test_a_request_that_expired_is_never_sent(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a", expires_at=1), DEVICE.enqueue("b"))
    assert await taken(here) == "b"
    assert await ended(here) == [("a", RequestOutcome.EXPIRED)]


async def test_a_sweep_ends_what_has_expired(here: Edge, there: Edge) -> None:
    await here.do(DEVICE.enqueue("a", expires_at=1), DEVICE.enqueue("b"))
    (swept,) = await there.sessions.expire(
        [Lapse(DEVICE.bucket, 10)], now=there.clock.now()
    )
    assert (swept.ended, swept.next_due) == (1, float(2**45))
    assert await ended(here) == [("a", RequestOutcome.EXPIRED)]
    assert await taken(here) == "b"


async def test_a_sweep_leaves_what_is_under_way(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), take())
    deadlines = keys.deadlines(DEVICE.bucket)
    await here.redis.zadd(deadlines, {f"{DEVICE.id} a": 1})
    (swept,) = await here.sessions.expire(
        [Lapse(DEVICE.bucket, 10)], now=here.clock.now()
    )
    assert (swept.ended, swept.postponed) == (0, 1)
    assert await do(here, complete("a")) == [Result.RECORDED]


@pytest.mark.conforms("C-121", "B-129")
async def test_a_new_registration_ends_what_waits(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), DEVICE.enqueue("b"), take())
    assert await do(here, DEVICE.register(2), complete("a"), take()) == [
        Result.REGISTERED,
        Result.UNKNOWN,
        Result.EMPTY,
    ]
    assert await ended(here) == [
        ("a", RequestOutcome.REMOVED),
        ("b", RequestOutcome.REMOVED),
    ]


async def test_nothing_is_left_when_all_is_over(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), take(), complete("a"))
    bucket, device_id = DEVICE.bucket, DEVICE.id
    for key in (
        *(keys.queue(bucket, device_id), keys.requests(bucket, device_id)),
        keys.deadlines(bucket),
    ):
        assert not await here.redis.exists(key)
    session = keys.session(bucket, device_id)
    assert await here.redis.hmget(session, ["waiting", "flight"]) == [None, None]


async def test_who_asked_sees_what_still_waits(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a"))
    assert await queue(here).waiting(DEVICE.id, ["a", "b"]) == [True, False]
    assert await queue(here).waiting(DEVICE.id, []) == []


async def test_who_asked_finds_the_edge_that_has_the_device(here: Edge) -> None:
    assert await queue(here).edge(DEVICE.id) == here.identity
    assert await queue(here).edge(device("urn:dev:other").id) == ""


async def test_an_answer_is_kept_until_something_is_done_to_it(here: Edge) -> None:
    text = values.build(VALUE)
    for request in ("a", "b", "c", "d"):
        await here.do(DEVICE.enqueue(request))
    await here.do(
        complete("a", path="/3/0/9", value=text),
        complete("b", path="/3/0/90", value=text),
    )
    assert await queue(here).value(DEVICE.id, "/3/0/9") == VALUE
    await here.do(complete("c", invalidated="/3/0/9"))
    assert await queue(here).value(DEVICE.id, "/3/0/9") is None
    assert await queue(here).value(DEVICE.id, "/3/0/90") == VALUE
    await here.do(complete("d", invalidated="/3/0"))
    assert await queue(here).value(DEVICE.id, "/3/0/90") is None


async def test_an_observation_is_known_until_it_is_ended(here: Edge) -> None:
    for request in ("a", "b", "c"):
        await here.do(DEVICE.enqueue(request))
    await here.do(
        complete("a", token="0a0b0c0d", observed="/3/0/9"),
        complete("b", token="01020304", observed="/3/0"),
    )
    assert await queue(here).observed(DEVICE.id) == {
        "0a0b0c0d": "/3/0/9",
        "01020304": "/3/0",
    }
    await here.do(complete("c", observed="/3/0/9"))
    assert await queue(here).observed(DEVICE.id) == {"01020304": "/3/0"}


def read(request: str = "1") -> DeviceRequest:
    return DeviceRequest(request, "key", "mine", Method.GET, "/3/0/9", expires_at=2**45)


async def test_a_request_that_is_answered_at_once_never_waits(here: Edge) -> None:
    outcome = await queue(here).answer(DEVICE.account, DEVICE.id, read(), ANSWERED)
    assert outcome.result is Result.QUEUED
    assert await queue(here).is_idle(DEVICE.id)
    (end,) = [fact for fact in await here.facts() if isinstance(fact, RequestCompleted)]
    assert (end.request_id, end.outcome) == ("1", RequestOutcome.ANSWERED)


async def test_of_another_account_nothing_is_answered(here: Edge) -> None:
    stranger = AccountId("f" * 32)
    outcome = await queue(here).answer(stranger, DEVICE.id, read(), ANSWERED)
    assert outcome.result is Result.UNKNOWN
    assert not any(isinstance(each, RequestCompleted) for each in await here.facts())


async def test_a_request_that_comes_too_late_is_not_queued(here: Edge) -> None:
    arrived = here.clock.now() - 60
    outcome = await queue(here).enqueue(
        DEVICE.account, DEVICE.id, read(), arrived=arrived
    )
    assert outcome.result is Result.STALE
    assert await queue(here).is_idle(DEVICE.id)


async def test_our_own_requests_are_told_from_those_of_callers(here: Edge) -> None:
    assert await queue(here).own(DEVICE.id) == []
    for request in ("1", "-1", "-2"):
        await queue(here).enqueue(DEVICE.account, DEVICE.id, read(request))
    assert sorted(await queue(here).own(DEVICE.id)) == ["-1", "-2"]
    assert not await queue(here).is_idle(DEVICE.id)


async def test_what_was_acknowledged_before_its_edge_died_has_not_expired(
    here: Edge, there: Edge
) -> None:
    await here.do(DEVICE.enqueue("a"), take())
    await here.do(hold("a", acknowledged=1, lease=0))
    await here.redis.zadd(keys.deadlines(DEVICE.bucket), {f"{DEVICE.id} a": 1})
    await there.sessions.expire([Lapse(DEVICE.bucket, 10)], now=there.clock.now())
    assert await ended(here) == [("a", RequestOutcome.TIMEOUT)]


async def test_what_is_done_to_all_leaves_no_value(here: Edge) -> None:
    await here.do(DEVICE.enqueue("a"), DEVICE.enqueue("b"))
    await here.do(complete("a", path="/3/0/9", value=values.build(VALUE)))
    await here.do(complete("b", invalidated="/"))
    assert await queue(here).value(DEVICE.id, "/3/0/9") is None


@pytest.mark.parametrize(
    ("resources", "root"),
    [
        ('[{"path":"/lwm2m","rt":"oma.lwm2m","ct":"110"},{"path":"/3/0"}]', "/lwm2m"),
        ('[{"path":"/3/0"},{"path":"/a/b","rt":"x oma.lwm2m"}]', "/a/b"),
        ('[{"path":"/","rt":"oma.lwm2m"},{"path":"/3/0"}]', ""),
        ('[{"path":"/3/0","rt":"room"}]', ""),
    ],
)
async def test_a_request_is_taken_with_the_path_below_which_objects_are(
    here: Edge, resources: str, root: str
) -> None:
    await here.do(DEVICE.register(2, resources=resources), DEVICE.enqueue("a"))
    (outcome,) = await here.do(take())
    assert isinstance(outcome, TakenRequest)
    assert outcome.root == root


@pytest.mark.parametrize(
    ("observe", "path", "token"),
    [
        (False, "/3/0/9", "0a0b0c0d"),
        (True, "/3/0/9", OWN_TOKEN),
        (None, "/3/0/9", OWN_TOKEN),
        (False, "/3/0", OWN_TOKEN),
    ],
)
async def test_the_end_of_an_observation_is_taken_with_its_token(
    here: Edge, *, observe: bool | None, path: str, token: str
) -> None:
    asked = DeviceRequest("b", "key", "b", Method.GET, path, observe=observe)
    body = device_requests.build(asked)
    await here.do(
        DEVICE.enqueue("a"),
        complete("a", token="0a0b0c0d", observed="/3/0/9"),
        DEVICE.enqueue("b", body=body),
    )
    (outcome,) = await here.do(take())
    assert isinstance(outcome, TakenRequest)
    assert outcome.token == token
