"""Accounts say what their devices are given at bootstrap, and see it tried out."""

from typing import Any

import pytest
from redis.asyncio import Redis

from homeport.names import EndpointName
from homeport.protocol import configurations, profiles
from homeport.protocol.configurations import Configuration
from homeport.protocol.paths import Path
from homeport.store import keys
from tests.support.directory import (
    ACCOUNT,
    OTHER_ACCOUNT,
    Site,
    device_of,
)
from tests.support.polling import until

pytestmark = pytest.mark.integration

CONFIGURATIONS = "/v3/bootstrap-configurations"
DRY_RUN = f"{CONFIGURATIONS}/dry-run"
DEFINITIONS = "/v3/object-definitions"
METER = EndpointName("meter-17")
SECOND = {
    "short_server_id": 2,
    "security": {
        "0": "coaps://second.example:5684",
        "2": 0,
        "3": "c2Vjb25k",
        "5": "c2VjcmV0",
    },
    "server": {"1": 600, "7": "UQ"},
}
METERS: dict[str, Any] = {
    "name": "meters",
    "description": "all of them",
    "priority": 5,
    "endpoint_name_pattern": "meter-*",
    "device_profiles": ["lwm2m-1.1", "lwm2m-1.2"],
    "device_profile": {"discovers": False},
    "server": {"1": 3600},
    "servers": [SECOND],
    "objects": [
        {"path": "/3/0", "resources": {"13": "now", "14": "+02:00"}},
        {"path": "/2/0", "resources": {"0": 3, "1": 0, "2": {"1": 15}, "3": 1}},
    ],
    "reads": ["/1"],
    "bootstrap_pack": True,
}


async def create(opened: Site, **changes: Any) -> Any:
    return await opened.send("POST", CONFIGURATIONS, {**METERS, **changes}, status=201)


async def selected(
    opened: Site, name: EndpointName = METER, account: str = ACCOUNT
) -> Configuration | None:
    """Ask the trust view as an edge does."""
    (selectors,) = await opened.entries.selectors([account])
    found = configurations.select(selectors, name, profiles.LWM2M_1_1)
    if found is None:
        return None
    (configuration,) = await opened.entries.configurations([found.id])
    return configuration


async def test_a_configuration_is_shown_without_its_secrets(opened: Site) -> None:
    made = await create(opened)
    masked = {**SECOND, "security": {**SECOND["security"], "5": "***"}}
    assert made["object"] == "bootstrap-configuration"
    assert {name: made[name] for name in METERS} == {**METERS, "servers": [masked]}
    assert made["short_server_id"] == 1
    assert await opened.get(f"{CONFIGURATIONS}/{made['id']}/") == made
    assert (await opened.get(CONFIGURATIONS))["data"] == [made]
    assert (await opened.get(f"{CONFIGURATIONS}?name__eq=x"))["data"] == []


async def test_edges_find_it_at_once_and_nobody_else_reads_it(opened: Site) -> None:
    made = await create(opened)
    found = await selected(opened)
    assert found is not None
    assert found.id == made["id"]
    (account,) = found.servers
    assert account.security[Path((5,))] == b"secret"
    assert await selected(opened, EndpointName("pump-1")) is None
    assert await selected(opened, account=OTHER_ACCOUNT) is None
    async with Redis.from_url(opened.settings.redis_url) as redis:
        for key in await redis.keys("trust:*"):
            if await redis.type(key) == b"string":
                assert b"c2VjcmV0" not in await redis.get(key)
        assert await redis.exists(keys.trust(f"bootstrap:{made['id']}"))


async def test_a_secret_stays_where_it_is_said_as_it_is_shown(opened: Site) -> None:
    made = await create(opened)
    where = f"{CONFIGURATIONS}/{made['id']}"
    changed = await opened.send(
        "PUT", where, {"servers": made["servers"], "priority": 9, "id": "x"}
    )
    assert (changed["priority"], changed["name"]) == (9, "meters")
    assert changed["updated_at"] > made["updated_at"]
    found = await selected(opened)
    assert found is not None
    assert found.servers[0].security[Path((5,))] == b"secret"
    moved = {**made["servers"][0], "short_server_id": 3}
    refused = await opened.send("PUT", where, {"servers": [moved]}, status=400)
    assert refused["fields"][0]["name"] == "servers.0.security.5"


async def test_a_configuration_that_is_deleted_counts_no_more(opened: Site) -> None:
    made = await create(opened)
    where = f"{CONFIGURATIONS}/{made['id']}"
    await opened.send("DELETE", where, status=204)
    await opened.send("DELETE", where, status=404)
    await opened.send("PUT", where, {"priority": 1}, status=404)
    assert await selected(opened) is None
    assert await opened.entries.configurations([made["id"]]) == [None]


async def test_a_view_that_is_lost_is_written_again(opened: Site) -> None:
    await create(opened)
    before = await selected(opened)
    async with opened.running(), Redis.from_url(opened.settings.redis_url) as redis:
        await redis.flushall()

        async def there() -> bool:
            return await selected(opened) == before

        await until(there)


async def test_a_name_is_one_configurations(opened: Site) -> None:
    made = await create(opened)
    other = await create(opened, name="pumps")
    refused = await opened.send("POST", CONFIGURATIONS, METERS, status=409)
    assert refused["type"] == "duplicate"
    where = f"{CONFIGURATIONS}/{other['id']}"
    await opened.send("PUT", where, {"name": "meters"}, status=409)
    assert (await opened.get(f"{CONFIGURATIONS}/{made['id']}")) == made


@pytest.mark.parametrize(
    ("member", "value", "name"),
    [
        ("name", "", "name"),
        ("priority", -1, "priority"),
        ("endpoint_name_pattern", "x" * 65, "endpoint_name_pattern"),
        ("device_profiles", ["toaster"], "device_profiles.0"),
        ("device_profile", {"block_size": 500}, "device_profile.block_size"),
        ("short_server_id", 65_535, "short_server_id"),
        ("server", {"1": "soon"}, "server.1"),
        ("objects", [{"path": "/3/0", "resources": {"4": 1}}], "objects.0.resources.4"),
        ("objects", [{"path": "/33000/0", "resources": {"1": 1}}], "objects.0.path"),
        ("reads", ["/3"], "reads.0"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    opened: Site, member: str, value: object, name: str
) -> None:
    body = {**METERS, member: value}
    refused = await opened.send("POST", CONFIGURATIONS, body, status=400)
    assert refused["fields"][0]["name"] == name
    assert (await opened.get(CONFIGURATIONS))["data"] == []


async def test_an_account_has_so_many_and_no_more(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.directory.bootstrap.bootstrap_configurations.MOST", 1)
    await create(opened)
    body = {**METERS, "name": "pumps"}
    refused = await opened.send("POST", CONFIGURATIONS, body, status=403)
    assert refused["type"] == "account_limit_exceeded"


async def test_only_administrators_of_the_account_have_a_hand_in_it(
    opened: Site,
) -> None:
    made = await create(opened)
    where = f"{CONFIGURATIONS}/{made['id']}"
    for account, role, status in (
        (OTHER_ACCOUNT, "administrator", 404),
        (ACCOUNT, "operator", 403),
    ):
        headers = await opened.allow("ak_else", account, role=role)
        opened.client.headers.update(headers)
        await opened.send("PUT", where, {"priority": 1}, status=status)
        await opened.send("DELETE", where, status=status)
    await opened.send("POST", CONFIGURATIONS, METERS, status=403)
    assert await opened.get(where) == made


async def dry_run(opened: Site, **body: object) -> Any:
    return await opened.send("POST", DRY_RUN, {"endpoint_name": METER, **body})


async def test_a_dry_run_says_what_a_device_would_be_asked(opened: Site) -> None:
    made = await create(opened)
    tried = await dry_run(opened, pct=112, means="psk")
    assert tried["configuration_id"] == made["id"]
    assert tried["device_id"] == device_of(METER)
    asked = [f"{each['method']} {each['path']}" for each in tried["requests"]]
    assert asked == [
        *("DELETE /", "PUT /0/1", "PUT /0/2", "PUT /1/1", "PUT /1/2"),
        *("PUT /3/0", "PUT /2/0", "GET /1", "POST /bs"),
    ]
    _, ours, second, server, *_, read, _ = tried["requests"]
    assert ours["content_format"] == read["accept"] == 112
    assert ours["values"] == {
        "/0/1/0": "coaps://lwm2m.example:5684",
        "/0/1/1": False,
        "/0/1/2": 0,
        "/0/1/3": "issued at bootstrap",
        "/0/1/4": "",
        "/0/1/5": "***",
        "/0/1/10": 1,
    }
    assert second["values"]["/0/2/0"] == "coaps://second.example:5684"
    assert second["values"]["/0/2/5"] == "***"
    assert server["values"] == {
        "/1/1/0": 1,
        "/1/1/1": 3600,
        "/1/1/6": False,
        "/1/1/7": "U",
    }
    assert tried["left_out"] == []


async def test_a_dry_run_needs_no_configuration_and_may_bring_one(
    opened: Site,
) -> None:
    await create(opened)
    plain = await opened.send("POST", DRY_RUN, {"endpoint_name": "pump-1"})
    assert plain["configuration_id"] is None
    assert len(plain["requests"]) == 5
    tried = await dry_run(
        opened, configuration={"device_profile": {"name": "izuma"}, "reads": ["/1"]}
    )
    assert tried["device_profile"] == "izuma"
    (written, _) = tried["requests"]
    assert written["values"]["/0/0/0"] == (
        f"coaps://lwm2m.example:5684?aid={ACCOUNT}&iep={device_of(METER)}"
    )
    assert tried["left_out"] == ["GET /1"]
    refused = await opened.send(
        "POST",
        DRY_RUN,
        {"endpoint_name": METER, "configuration": {"reads": ["/9"]}},
        status=400,
    )
    assert refused["fields"][0]["name"] == "reads.0"
    assert len((await opened.get(CONFIGURATIONS))["data"]) == 1


async def test_a_dry_run_follows_what_the_device_says_it_has(opened: Site) -> None:
    tried = await dry_run(
        opened,
        configuration={},
        discovered="</>;lwm2m=1.1,</0/1>,</1/4>;ssid=1",
    )
    paths = [each["path"] for each in tried["requests"]]
    assert paths == ["/", "/", "/0/2", "/1/4", "/bs"]


async def test_a_dry_run_shows_all_that_is_fetched_at_once(opened: Site) -> None:
    made = await create(opened)
    tried = await dry_run(opened, bootstrap_pack=True)
    (fetched,) = tried["requests"]
    assert (fetched["path"], fetched["content_format"]) == ("/bspack", 112)
    assert fetched["values"]["/0/2/5"] == "***"
    assert tried["left_out"] == []
    where = f"{CONFIGURATIONS}/{made['id']}"
    await opened.send("PUT", where, {"bootstrap_pack": False})
    tried = await dry_run(opened, bootstrap_pack=True)
    assert (tried["requests"], tried["left_out"]) == ([], ["GET /bspack"])


async def test_own_objects_are_typed_by_what_the_account_has_defined(
    opened: Site,
) -> None:
    text = (
        "<LWM2M><Object><Name>Kettle</Name><ObjectID>33000</ObjectID>"
        "<MultipleInstances>Multiple</MultipleInstances><Resources>"
        '<Item ID="1"><Name>PIN password</Name><Operations>RW</Operations>'
        "<MultipleInstances>Single</MultipleInstances><Type>String</Type></Item>"
        "</Resources></Object></LWM2M>"
    )
    answer = await opened.client.post(DEFINITIONS, content=text)
    (definition,) = answer.json()["data"]
    objects = [{"path": "/33000/7", "resources": {"1": "1234"}}]
    made = await create(opened, objects=objects)
    assert made["objects"][0]["resources"] == {"1": "***"}
    await opened.send("DELETE", f"{DEFINITIONS}/{definition['id']}", status=204)
    found = await selected(opened)
    assert found is not None
    assert found.instances[0].resources == {Path((1,)): "1234"}
