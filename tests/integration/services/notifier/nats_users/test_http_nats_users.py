"""An application reads its account's facts from NATS itself, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from homeport.events import applications, subjects
from homeport.events.facts import FactName
from homeport.names import AccountId
from homeport.runtime.embedded import EmbeddedServers
from tests.support.notifier import ACCOUNT, Site, deregistrations, event, site
from tests.support.polling import until

pytestmark = pytest.mark.integration

USERS = "/v2/notification/nats-users"
OTHER = AccountId("c" * 32)
OTHER_KEY = "ak_1" + "f" * 60


@pytest.fixture
async def opened(
    embedded: EmbeddedServers, redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with (
        site(
            redis_url,
            nats_url,
            postgres_url,
            nats_issuer_seed=embedded.settings["NATS_ISSUER_SEED"],
            nats_users_per_account=3,
        ) as made,
        made.running(key_sweep_seconds=0.3),
    ):
        yield made


async def add(opened: Site, name: str = "app", **body: object) -> Any:
    answer = await opened.client.post(USERS, json={"name": name, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


class Application:
    """A client, and what NATS has forbidden it."""

    def __init__(self, nats: Client) -> None:
        self.nats = nats
        self.refused: list[str] = []

    async def hear(self, error: Exception) -> None:
        self.refused.append(str(error))

    async def until_refused(self, count: int) -> None:
        async def refused() -> bool:
            return len(self.refused) >= count

        await until(refused)


@asynccontextmanager
async def connected(made: Any, **changed: Any) -> AsyncIterator[Application]:
    """Connect as what REST has told."""
    application = Application(Client())
    told = {
        "user": made["user"],
        "password": made["password"],
        "inbox_prefix": made["inbox_prefix"] or "_INBOX",
    }
    try:
        await application.nats.connect(
            made["url"],
            **{**told, **changed},
            error_cb=application.hear,
            allow_reconnect=False,
            max_reconnect_attempts=1,
        )
        yield application
    finally:
        await application.nats.close()


async def subscribe(nats: Client, subject: str) -> Subscription:
    """Return when the server has heard of it: nats-py's ping comes before it once."""
    heard = await nats.subscribe(subject)
    await nats.flush()
    await nats.flush()
    return heard


async def take(nats: Client, user: Any, count: int) -> list[Any]:
    """Take facts from a user's own consumer, and acknowledge them."""
    jetstream = nats.jetstream(prefix=user["api_prefix"])
    inbox = await jetstream.pull_subscribe_bind(user["consumer"], stream=user["stream"])
    found = []
    async with asyncio.timeout(20):
        while len(found) < count:
            for message in await inbox.fetch(count - len(found), timeout=5):
                found.append(orjson.loads(message.data))
                await message.ack_sync()
    return found


async def test_a_user_consumes_what_it_has_asked_for(opened: Site) -> None:
    user = await add(opened, facts=["device.deregistered"])
    many = deregistrations(30)
    await opened.happen(*deregistrations(5, account=OTHER), *many)
    await opened.happen(event(FactName.REGISTRATION_EXPIRED, 9))
    async with connected(user) as application:
        found = await take(application.nats, user, 30)
    assert [each["device_id"] for each in found] == [each.device for each in many]
    assert application.refused == []


async def test_a_user_listens_to_what_happens(opened: Site) -> None:
    user = await add(opened, access="listen")
    async with connected(user) as application:
        heard = await subscribe(application.nats, user["subject"])
        await opened.happen(
            *deregistrations(1, account=OTHER), *deregistrations(1, start=1)
        )
        message = await heard.next_msg(timeout=10)
        assert message.subject == f"homeport.v1.{ACCOUNT}.device.deregistered"
        assert heard.pending_msgs == 0


async def test_a_consumer_may_begin_with_the_first_fact_that_is_kept(
    opened: Site,
) -> None:
    await opened.happen(*deregistrations(2))
    user = await add(opened, start="first")
    async with connected(user) as application:
        assert len(await take(application.nats, user, 2)) == 2


@pytest.mark.parametrize("access", ["listen", "consume"])
async def test_a_user_may_do_nothing_else(opened: Site, access: str) -> None:
    user = await add(opened, access=access)
    other = await add(opened, "other")
    async with connected(user) as application:
        nats = application.nats
        heard = [
            subjects.of_account(OTHER),
            subjects.EVERYTHING,
            ">",
            "$SYS.>",
            "$JS.>",
            "_INBOX.>",
            f"{other['inbox_prefix']}.>",
            "homeport.edge.*.poke",
        ]
        for subject in heard:
            await nats.subscribe(subject)
        said = [
            subjects.subject(ACCOUNT, FactName.DEVICE_REGISTERED),
            subjects.subject(OTHER, FactName.DEVICE_REGISTERED),
            "homeport.edge.one.poke",
            "$SYS.REQ.USER.AUTH",
            "$SYS.REQ.SERVER.PING",
            applications.CONNECTIONS,
            applications.kick("N"),
            "$JS.API.STREAM.LIST",
            f"$JS.API.STREAM.DELETE.{subjects.STREAM}",
            f"$JS.API.STREAM.PURGE.{subjects.STREAM}",
            f"$JS.API.STREAM.INFO.{subjects.STREAM}",
            f"$JS.API.DIRECT.GET.{subjects.STREAM}",
            f"$JS.API.CONSUMER.CREATE.{subjects.STREAM}.mine",
            f"$JS.API.CONSUMER.DELETE.{subjects.STREAM}.{user['consumer']}",
            f"{applications.API_PREFIX}.CONSUMER.MSG.NEXT.DEVICES.{other['consumer']}",
            f"{applications.API_PREFIX}.CONSUMER.INFO.DEVICES.{other['consumer']}",
            f"$JS.ACK.{subjects.STREAM}.{other['consumer']}.1.1.1.1.1",
        ]
        for subject in said:
            await nats.publish(subject, b"{}")
        await nats.flush()
        await application.until_refused(len(heard) + len(said))
        assert all("permissions violation" in each for each in application.refused)
    assert not await messages(opened)


async def messages(opened: Site) -> int:
    found = await opened.nats.jetstream().stream_info(subjects.STREAM)
    return found.state.messages


async def test_nobody_can_send_answers_to_others(opened: Site) -> None:
    user = await add(opened)
    listener = await add(opened, "listener", access="listen")
    await opened.happen(*deregistrations(3))
    asked = f"{user['api_prefix']}.CONSUMER.{{}}.DEVICES.{user['consumer']}"
    async with connected(user) as application, connected(listener) as listening:
        heard = await subscribe(listening.nats, listener["subject"])
        before = await messages(opened)
        for verb in ("MSG.NEXT", "INFO"):
            await application.nats.publish(
                asked.format(verb),
                b"1",
                reply=subjects.subject(ACCOUNT, FactName.DEVICE_REGISTERED),
            )
        await application.nats.flush()
        assert len(await take(application.nats, user, 2)) == 2
        assert await messages(opened) == before
        assert heard.pending_msgs == 0


async def test_whoever_is_not_known_is_not_let_in(opened: Site) -> None:
    user = await add(opened)
    for wrong in (
        {"password": "another"},
        {"user": "f" * 32},
        {"user": "short"},
        {"user": None, "password": None},
    ):
        with pytest.raises(NatsError):
            async with connected(user, **wrong):
                pass


async def test_a_removed_user_is_put_out_at_once(opened: Site) -> None:
    users = [await add(opened), await add(opened, "ear", access="listen")]
    async with connected(users[0]) as one, connected(users[1]) as two:
        for user, application in zip(users, (one, two), strict=True):
            gone = await opened.client.delete(f"{USERS}/{user['name']}")
            assert gone.status_code == 204
            await until(closed(application.nats))
            with pytest.raises(NatsError):
                async with connected(user):
                    pass
    assert not await opened.query("SELECT * FROM notifier.nats_users")
    found = await opened.nats.jetstream().consumers_info(subjects.STREAM)
    assert not [each for each in found if each.name.startswith("application-")]


def closed(nats: Client) -> Callable[[], Any]:
    async def is_closed() -> bool:
        return not nats.is_connected

    return is_closed


async def test_who_came_in_while_it_was_removed_is_put_out_soon(opened: Site) -> None:
    user = await add(opened)
    async with connected(user) as application:
        await opened.query("DELETE FROM notifier.nats_users")
        await until(closed(application.nats))


async def test_a_user_is_told_its_password_once(opened: Site) -> None:
    user = await add(opened, facts=["device.registered"])
    assert len(user.pop("password")) == 32
    shown = await opened.client.get(f"{USERS}/app")
    assert shown.json() == {**user, "password": None}
    listed = await opened.client.get(USERS)
    assert listed.json()["data"] == [shown.json()]
    assert "@" not in user["url"]
    (row,) = await opened.query("SELECT * FROM notifier.nats_users")
    assert user["user"] == row["id"]


async def test_wrong_users_are_refused(opened: Site) -> None:
    await add(opened, "taken")
    for body, word in (
        ({"name": "taken"}, "NAME_IS_TAKEN"),
        ({"name": "a b"}, "INVALID_NAME"),
        ({}, "INVALID_NAME"),
        ({"name": "a", "access": "all"}, "INVALID_ACCESS"),
        ({"name": "a", "facts": ["device.sold"]}, "UNKNOWN_FACT"),
        (
            {"name": "a", "access": "listen", "facts": ["device.registered"]},
            "UNKNOWN_FACT",
        ),
        ({"name": "a", "start": "soon"}, "INVALID_START"),
    ):
        answer = await opened.client.post(USERS, json=body)
        assert (answer.status_code, answer.text) == (400, word)
    await add(opened, "b")
    await add(opened, "c")
    answer = await opened.client.post(USERS, json={"name": "d"})
    assert (answer.status_code, answer.text) == (400, "TOO_MANY_NATS_USERS")


async def test_accounts_do_not_see_each_others_users(opened: Site) -> None:
    await add(opened)
    other = await opened.allow(OTHER_KEY, "f" * 32, account=OTHER)
    client = opened.client
    assert (await client.get(USERS, headers=other)).json()["data"] == []
    for method in ("GET", "DELETE"):
        answer = await client.request(method, f"{USERS}/app", headers=other)
        assert (answer.status_code, answer.text) == (404, "NATS_USER_NOT_FOUND")
    reader = await opened.allow("ak_1" + "e" * 60, "e" * 32, role="reader")
    for call in (client.get(USERS, headers=reader), client.post(USERS, headers=reader)):
        assert (await call).status_code == 403


async def test_without_an_issuer_there_are_no_users(
    redis_url: str, nats_url: str, postgres_url: str
) -> None:
    async with site(redis_url, nats_url, postgres_url) as made:
        answer = await made.client.post(USERS, json={"name": "a"})
    assert (answer.status_code, answer.text) == (501, "NATS_USERS_NOT_CONFIGURED")


async def test_while_nobody_answers_those_who_are_in_stay(
    embedded: EmbeddedServers, redis_url: str, nats_url: str, postgres_url: str
) -> None:
    seed = embedded.settings["NATS_ISSUER_SEED"]
    async with site(redis_url, nats_url, postgres_url, nats_issuer_seed=seed) as opened:
        async with opened.running():
            user = await add(opened)
            inside = connected(user)
            application = await inside.__aenter__()
        try:
            await opened.happen(*deregistrations(2))
            assert len(await take(application.nats, user, 2)) == 2
            with pytest.raises((NatsError, TimeoutError)):
                async with connected(user):
                    pass
        finally:
            await inside.__aexit__(None, None, None)
        async with opened.running(), connected(user) as again:
            assert again.nats.is_connected
