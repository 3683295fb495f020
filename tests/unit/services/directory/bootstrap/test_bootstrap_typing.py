"""What callers want written is what devices can be given, or refused by its name."""

from typing import Any

import pytest

from homeport.errors import InvalidParameter
from homeport.protocol.alterations import Alterations
from homeport.protocol.configurations import Configuration, Instance
from homeport.protocol.formats.records import Time
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path
from homeport.protocol.resources import Now
from services.directory.bootstrap import bootstrap_typing
from services.directory.bootstrap.bootstrap_configuration_bodies import UNSAID

IDENTITY = "1" * 32
SECURITY = {"0": "coaps://h:1", "2": 0, "3": "aWQ=", "5": "a2V5"}
SECOND = {"short_server_id": 2, "security": SECURITY, "server": {"1": 60}}


def typed(before: Configuration | None = None, **given: Any) -> Configuration:
    return bootstrap_typing.typed(IDENTITY, {**UNSAID, **given}, CORE, before=before)


def second(**changes: Any) -> Configuration:
    return typed(servers=[{**SECOND, **changes}])


def test_nothing_said_is_nothing_wanted() -> None:
    assert typed() == Configuration(id=IDENTITY)


def test_a_server_is_whole_and_in_the_order_that_devices_want() -> None:
    security = {"12": 5, "5": "a2V5", **SECURITY, "14": "h.example"}
    (account,) = second(security=security).servers
    assert list(account.security.items()) == [
        (Path((0,)), "coaps://h:1"),
        (Path((1,)), False),
        (Path((2,)), 0),
        (Path((3,)), b"id"),
        (Path((4,)), b""),
        (Path((5,)), b"key"),
        (Path((10,)), 2),
        (Path((12,)), 5),
        (Path((14,)), "h.example"),
    ]
    assert account.server == {
        Path((0,)): 2,
        Path((1,)): 60,
        Path((6,)): False,
        Path((7,)): "U",
    }


def test_a_server_may_be_one_without_security() -> None:
    (account,) = second(security={"0": "coap://h:1", "2": 3}).servers
    assert account.security[Path((3,))] == b""


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"short_server_id": 1}, "servers.0.short_server_id"),
        ({"server": {}}, "servers.0.server.1"),
        ({"server": {"0": 2, "1": 60}}, "servers.0.server.0"),
        ({"server": {"1": 0}}, "servers.0.server.1"),
        ({"server": {"1": 60, "99": 1}}, "servers.0.server.99"),
        ({"security": {**SECURITY, "1": True}}, "servers.0.security.1"),
        ({"security": {**SECURITY, "10": 3}}, "servers.0.security.10"),
        ({"security": {**SECURITY, "2": 4}}, "servers.0.security.2"),
        ({"security": {"0": "coap://h:1"}}, "servers.0.security.2"),
        ({"security": {**SECURITY, "2": 2}}, "servers.0.security.4"),
        ({"security": {**SECURITY, "5": ""}}, "servers.0.security.5"),
        ({"security": {**SECURITY, "5": "***"}}, "servers.0.security.5"),
        ({"security": {**SECURITY, "0": "coap://h:1"}}, "servers.0.security.0"),
        ({"security": {**SECURITY, "0": "coaps://h"}}, "servers.0.security.0"),
        ({"security": {**SECURITY, "0": "coaps://[::1"}}, "servers.0.security.0"),
        ({"security": {**SECURITY, "0": "coaps://h:x"}}, "servers.0.security.0"),
        ({"security": {"2": 3}}, "servers.0.security.0"),
    ],
)
def test_a_server_that_no_device_could_use_is_refused(
    changes: dict[str, Any], name: str
) -> None:
    with pytest.raises(InvalidParameter) as raised:
        second(**changes)
    assert raised.value.name == name


def test_two_servers_have_two_short_ids() -> None:
    with pytest.raises(InvalidParameter, match="another server's") as raised:
        typed(servers=[SECOND, SECOND])
    assert raised.value.name == "servers.1.short_server_id"
    with pytest.raises(InvalidParameter):
        typed(short_server_id=2, servers=[SECOND])


def test_instances_are_typed_by_their_objects() -> None:
    made = typed(
        objects=[
            {"path": "/3/0", "version": "1.1", "resources": {"13": "now"}},
            {"path": "/2/5", "version": None, "resources": {"2": {"1": 15}}},
        ]
    )
    assert made.instances == (
        Instance(Path((3, 0)), {Path((13,)): Now()}),
        Instance(Path((2, 5)), {Path((2, 1)): 15}),
    )


@pytest.mark.parametrize(
    ("path", "changes", "name"),
    [
        ("/3", {}, "objects.0.path"),
        ("/3/0/13", {}, "objects.0.path"),
        ("3/0", {}, "objects.0.path"),
        ("/3/1", {}, "objects.0.path"),
        ("/0/0", {}, "objects.0.path"),
        ("/1/0", {}, "objects.0.path"),
        ("/33000/0", {}, "objects.0.path"),
        ("/3/0", {"version": "9.0"}, "objects.0.path"),
        ("/3/0", {"version": "x"}, "objects.0.version"),
        ("/3/0", {"resources": {}}, "objects.0.resources"),
        ("/3/0", {"resources": {"13": "then"}}, "objects.0.resources.13"),
    ],
)
def test_an_instance_that_cannot_be_written_is_refused(
    path: str, changes: dict[str, Any], name: str
) -> None:
    given = {"path": path, "resources": {"13": 5}, **changes}
    with pytest.raises(InvalidParameter) as raised:
        typed(objects=[given])
    assert raised.value.name == name


def test_an_instance_is_written_once() -> None:
    given = {"path": "/3/0", "resources": {"13": 5}}
    with pytest.raises(InvalidParameter, match="twice") as raised:
        typed(objects=[given, given])
    assert raised.value.name == "objects.1.path"


@pytest.mark.parametrize("path", ["/", "/0", "/3", "/1/0/1", "1"])
def test_only_servers_and_access_can_be_read(path: str) -> None:
    assert typed(reads=["/1", "/2/0", "/1"]).reads == (Path((1,)), Path((2, 0)))
    with pytest.raises(InvalidParameter) as raised:
        typed(reads=["/1", path])
    assert raised.value.name == "reads.1"


def test_a_block_size_is_kept_as_its_exponent() -> None:
    made = typed(device_profile={"name": "izuma", "block_size": 256, "pins": True})
    assert made.alterations == Alterations(name="izuma", szx=4, pins=True)


def test_what_is_masked_stays_what_it_was() -> None:
    before = typed(
        servers=[SECOND],
        objects=[{"path": "/9/0", "resources": {"15": "pass", "14": "user"}}],
    )
    given = bootstrap_typing.masked(
        {
            **UNSAID,
            "servers": [SECOND],
            "objects": [{"path": "/9/0", "resources": {"15": "pass", "14": "user"}}],
        },
        CORE,
    )
    assert given["servers"][0]["security"] == {**SECURITY, "5": "***"}
    assert given["objects"][0]["resources"] == {"15": "***", "14": "***"}
    assert bootstrap_typing.typed(IDENTITY, given, CORE, before=before) == before
    with pytest.raises(InvalidParameter, match="masked") as raised:
        bootstrap_typing.typed(IDENTITY, given, CORE)
    assert raised.value.name == "servers.0.security.5"


def test_a_mask_that_masks_no_secret_is_a_text_like_others() -> None:
    assert typed(server={"7": "***"}).server == {Path((7,)): "***"}


def test_a_time_may_be_said_in_seconds() -> None:
    made = typed(objects=[{"path": "/3/0", "resources": {"13": 1_800_000_000}}])
    assert made.instances[0].resources == {Path((13,)): Time(1_800_000_000)}
