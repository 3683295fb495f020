"""What every store promises of what devices say of their resources unasked."""

from collections.abc import AsyncIterator

import pytest

from homeport.events.facts import ResourceNotified
from homeport.store import values
from homeport.store.operations import Located, Outcome, Result
from homeport.store.queue import RequestQueue
from homeport.store.reports import Locate, Notify, Report
from homeport.store.values import LastValue
from tests.support.sessions import Edge, device, edge, mark

pytestmark = pytest.mark.integration

DEVICE = device()
TOKEN, PATH = "015e", "/10258/0/0"
MEMBERS = ',"content_format":0,"max_age":0,"payload":"MjI="'
VALUE = LastValue(0, b"22", 1_000, 2_000)


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def here(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    """An edge with a device that notifies of one resource by itself."""
    async with edge(request.getfixturevalue(request.param)) as made:
        await made.do(DEVICE.register(1, observed=f"{TOKEN} {PATH}\n"))
        yield made


def notify(sequence: int | str = "", **changes: object) -> Notify:
    return Notify(
        DEVICE.bucket, DEVICE.id, "nosec", TOKEN, sequence, 0, MEMBERS
    )._replace(**changes)


def report(message_id: int, *lines: str, identity: str = "nosec") -> Report:
    return Report(
        DEVICE.bucket,
        DEVICE.id,
        f"{DEVICE.peer}#{message_id}",
        identity,
        "".join(f"{line}\n" for line in lines),
    )


async def do(store: Edge, *operations: object) -> list[Result]:
    return [outcome.result for outcome in await store.do(*operations)]


async def told(store: Edge) -> list[ResourceNotified]:
    return [fact for fact in await store.facts() if isinstance(fact, ResourceNotified)]


@pytest.mark.conforms("C-180", "OBS-2")
async def test_a_token_of_two_bytes_leads_to_its_path(here: Edge) -> None:
    assert await do(here, notify()) == [Result.RECORDED]
    (fact,) = await told(here)
    assert (fact.path, fact.payload, fact.content_format) == (PATH, "MjI=", 0)
    assert fact.endpoint_name == DEVICE.endpoint_name


async def test_an_unknown_token_is_nobodys(here: Edge) -> None:
    assert await do(here, notify(token="0a0b0c0d")) == [Result.UNKNOWN]


async def test_another_identity_notifies_of_nothing(here: Edge) -> None:
    assert await do(here, notify(identity="psk:1")) == [Result.UNKNOWN]


@pytest.mark.conforms("C-181", "B-130")
async def test_a_new_registration_voids_what_was_observed(here: Edge) -> None:
    await here.do(DEVICE.register(2))
    assert await do(here, notify()) == [Result.UNKNOWN]


async def test_an_update_with_other_links_has_other_tokens(here: Edge) -> None:
    (registered,) = await here.do(DEVICE.register(2, observed=f"{TOKEN} {PATH}\n"))
    update = DEVICE.update(
        3,
        registered.registration,
        resources='[{"path":"/1/0"}]',
        observed="0007 /1/0/1\n",
    )
    assert await do(here, update, notify(), notify(token="0007")) == [
        Result.UPDATED,
        Result.UNKNOWN,
        Result.RECORDED,
    ]


@pytest.mark.conforms("C-171", "B-211")
@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (5, 6, Result.RECORDED),
        (6, 5, Result.OLDER),
        (5, 5, Result.OLDER),
        (2**24 - 1, 0, Result.RECORDED),
        (0, 2**24 - 1, Result.OLDER),
        (1, 2**23, Result.RECORDED),
        (1, 2**23 + 1, Result.OLDER),
    ],
)
async def test_of_two_notifications_the_newer_one_counts(
    here: Edge, first: int, second: int, result: Result
) -> None:
    assert await do(here, notify(first), notify(second)) == [Result.RECORDED, result]


async def test_the_last_one_frees_its_token(here: Edge) -> None:
    members = ',"code":"4.04"'
    assert await do(here, notify(1, ends=1, members=members), notify(2)) == [
        Result.RECORDED,
        Result.UNKNOWN,
    ]
    (fact,) = await told(here)
    assert fact.code == "4.04"


async def test_it_is_a_contact_that_says_whether_requests_wait(here: Edge) -> None:
    assert await here.do(notify(1)) == [Outcome(Result.RECORDED)]
    await here.do(DEVICE.enqueue("a"))
    assert await here.do(notify(2), notify(1)) == [
        Outcome(Result.RECORDED, waiting=True),
        Outcome(Result.OLDER, waiting=True),
    ]


async def test_a_record_notifies_once(here: Edge) -> None:
    by = {"mark": mark(1, 7), "generation": 1}
    assert await do(here, notify(1, **by), notify(2, **by)) == [
        Result.RECORDED,
        Result.REPLAYED,
    ]


async def test_a_value_is_the_last_one_until_the_registration_ends(here: Edge) -> None:
    queue = RequestQueue(here.redis, here.sessions)
    await here.do(notify(value=values.build(VALUE)))
    assert await queue.value(DEVICE.id, PATH) == VALUE
    await here.do(DEVICE.register(2, reported=f"/3/0/0 {values.build(VALUE)}\n"))
    assert await queue.value(DEVICE.id, PATH) is None
    assert await queue.value(DEVICE.id, "/3/0/0") == VALUE


async def test_a_report_tells_each_of_its_values(here: Edge) -> None:
    lines = ("/3/0/9", MEMBERS, values.build(VALUE), "/3/0/10", MEMBERS, "")
    assert await do(here, report(5, *lines), report(5, *lines)) == [
        Result.REPORTED,
        Result.REPORTED,
    ]
    assert [fact.path for fact in await told(here)] == ["/3/0/9", "/3/0/10"]
    queue = RequestQueue(here.redis, here.sessions)
    assert await queue.value(DEVICE.id, "/3/0/9") == VALUE
    assert await queue.value(DEVICE.id, "/3/0/10") is None


@pytest.mark.conforms("C-186")
async def test_only_the_registered_device_reports(here: Edge) -> None:
    stranger = device("urn:dev:2")
    other = report(6, "/3/0/9", MEMBERS, "")._replace(
        bucket=stranger.bucket, device=stranger.id
    )
    lines = ("/3/0/9", MEMBERS, "")
    assert await do(here, other, report(7, *lines, identity="psk:1")) == [
        Result.UNKNOWN,
        Result.UNKNOWN,
    ]


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
async def test_the_rest_of_a_notification_is_where_its_token_leads(here: Edge) -> None:
    assert await here.do(locate()) == [Located(Result.LOCATED, path=PATH)]
    assert await here.do(locate(token="0a0b")) == [Outcome(Result.UNKNOWN)]
    assert await here.do(locate(identity="psk:1")) == [Outcome(Result.UNKNOWN)]
    assert await told(here) == []


async def test_a_record_that_has_had_its_effect_locates_nothing(here: Edge) -> None:
    marked = {"mark": mark(1, 7), "generation": 1}
    assert await do(here, locate(**marked), locate(**marked)) == [
        Result.LOCATED,
        Result.REPLAYED,
    ]


def locate(**changes: object) -> Locate:
    return Locate(DEVICE.bucket, DEVICE.id, "nosec", TOKEN)._replace(**changes)
