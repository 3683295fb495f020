"""What a named consumer selects, and what is no selection."""

from typing import Any

import orjson
import pytest

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.names import AccountId
from services.notifier.named_consumers import named_consumers
from services.notifier.named_consumers.named_consumers import Selection

ACCOUNT = AccountId("a" * 32)
DEVICE = "d" * 32
GROUP = "9" * 32


def fact(**changes: object) -> bytes:
    return orjson.dumps({"fact": "resource.notified", "device_id": DEVICE} | changes)


def selection(**given: Any) -> Selection:
    return named_consumers.select(given)


def test_nothing_selected_is_everything() -> None:
    assert Selection().subjects(ACCOUNT) == [f"homeport.v1.{ACCOUNT}.>"]
    assert Selection().means(b"whatever it is")


def test_facts_are_told_apart_by_their_names_and_subjects() -> None:
    wanted = selection(facts=["device.registered", "device.deregistered"] * 2)
    assert wanted.means(fact(fact="device.registered"))
    assert not wanted.means(fact(fact="device.deleted"))
    assert wanted.subjects(ACCOUNT) == [
        f"homeport.v1.{ACCOUNT}.device.deregistered",
        f"homeport.v1.{ACCOUNT}.device.registered",
    ]


def test_devices_are_told_apart_in_either_case() -> None:
    assert selection(devices=["D" * 32]).means(fact())
    assert not selection(devices=["e" * 32]).means(fact())


def test_a_group_means_the_devices_that_are_in_it() -> None:
    wanted = selection(groups=[GROUP.upper()])
    assert wanted.groups == {GROUP}
    assert wanted.means(fact(), {DEVICE})
    assert not wanted.means(fact(), {"e" * 32})
    assert not wanted.means(fact())


def test_of_a_group_only_the_selected_devices_and_paths_are_meant() -> None:
    both = selection(groups=[GROUP], devices=[DEVICE], paths=["/1/*"])
    members = {DEVICE, "e" * 32}
    assert both.means(fact(path="/1/0"), members)
    assert not both.means(fact(device_id="e" * 32), members)
    assert not both.means(fact(path="/2/0"), members)
    assert not both.means(fact(path="/1/0"), {"e" * 32})


@pytest.mark.parametrize(
    ("paths", "path", "meant"),
    [
        (["/3303/0/5700"], "/3303/0/5700", True),
        (["3303//0/5700"], "/3303/0/5700", True),
        (["/3303/0"], "/3303/0/5700", False),
        (["/3303/*"], "/3303/0/5700", True),
        (["/3303/*", "/1"], "/33030/0/5700", False),
        (["*"], "/1", True),
        (["/3303/*"], None, True),
    ],
)
def test_paths_are_whole_or_begin_others(
    paths: list[str], path: str | None, *, meant: bool
) -> None:
    body = fact() if path is None else fact(path=path)
    assert selection(paths=paths).means(body) is meant


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}"])
def test_what_is_no_fact_cannot_be_told_apart(body: bytes) -> None:
    for wanted in (selection(devices=[DEVICE]), selection(groups=[GROUP])):
        with pytest.raises(InvalidFormat):
            wanted.means(body)
    with pytest.raises(InvalidFormat):
        named_consumers.device_of(body)


def test_the_device_of_a_fact_is_known_without_a_selection() -> None:
    assert named_consumers.device_of(fact()) == DEVICE


def test_a_selection_is_stored_as_it_is_given() -> None:
    wanted = selection(
        facts=["device.registered"], devices=[DEVICE], groups=[GROUP], paths=["/1/*"]
    )
    assert named_consumers.select(named_consumers.show(wanted)) == wanted


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"facts": ["device.sold"]}, "facts"),
        ({"devices": ["urn:dev:1"]}, "devices"),
        ({"devices": [f"{number:032x}" for number in range(1025)]}, "devices"),
        ({"groups": ["kettles"]}, "groups"),
        ({"groups": [f"{number:032x}" for number in range(11)]}, "groups"),
        ({"paths": [""]}, "paths"),
        ({"paths": ["/" + "1" * 128]}, "paths"),
        ({"paths": [f"/{number}" for number in range(257)]}, "paths"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        named_consumers.select(given)
    assert raised.value.name == name


def test_a_name_is_short_and_plain() -> None:
    assert named_consumers.parse_name("ware_house.1-a") == "ware_house.1-a"
    for name in ("", ".a", "a/b", "a" * 65, "é"):
        with pytest.raises(InvalidParameter):
            named_consumers.parse_name(name)
