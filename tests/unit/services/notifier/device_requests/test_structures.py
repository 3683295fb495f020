"""What a structure says of paths, without asking the device (R-88)."""

import orjson
import pytest

from services.notifier.device_requests.structures import Structure
from services.notifier.subscriptions.subscriptions import Presubscription


def structure(*listed: str, obs: tuple[str, ...] = ()) -> Structure:
    entries = [{"path": path, "obs": path in obs} for path in (*listed, *obs)]
    return Structure(orjson.dumps(entries).decode())


@pytest.mark.parametrize(
    ("listed", "path", "there"),
    [
        (("/3/0",), "/3", True),
        (("/3/0",), "/3/0", True),
        (("/3/0",), "/3/0/9", True),
        (("/3/0",), "/3/0/6/1", True),
        (("/3/0",), "/3/1", False),
        (("/3/0",), "/3/1/9", False),
        (("/3/0",), "/4", False),
        (("/3",), "/3/7/9", True),
        (("/3/0", "/3/0/9"), "/3/0/9", True),
        (("/3/0", "/3/0/9"), "/3/0/8", False),
        (("/3/0/9", "/3/1"), "/3/1/8", True),
        (("/3/0/6",), "/3/0/6/1", True),
        (("/3/0/6/0",), "/3/0/6/1", False),
        (("/", "/3/0"), "/", True),
        (("/3/0",), "/", False),
        (("/3/0",), "/a/b", False),
        (("/a/b",), "/a/b", True),
        ((), "/3", False),
    ],
)
def test_what_is_not_listed_is_there_where_an_ancestor_decides(
    listed: tuple[str, ...], path: str, *, there: bool
) -> None:
    assert structure(*listed).has(path) is there


def observed(found: Structure, *paths: str) -> set[str]:
    return found.observed_for([Presubscription(paths=paths)])


def test_of_a_device_that_says_what_can_be_observed_nothing_else_is() -> None:
    izuma = structure("/3/0/0", obs=("/3/0/9", "/3303/0/5700"))
    assert observed(izuma) == {"/3/0/9", "/3303/0/5700"}
    assert observed(izuma, "/3/*") == {"/3/0/9"}
    assert observed(izuma, "/3/0/0", "/3/0/9", "/4/0") == {"/3/0/9"}


def test_of_another_device_a_rule_names_what_is_observed() -> None:
    standard = structure("/", "/0/0", "/3/0", "/3303", "/3303/0", "/3303/1")
    assert observed(standard) == set()
    assert observed(standard, "/3303/*") == {"/3303/0", "/3303/1"}
    assert observed(standard, "/3/0/9", "/4/0/1") == {"/3/0/9"}
    assert observed(standard, "/0/*") == set()
