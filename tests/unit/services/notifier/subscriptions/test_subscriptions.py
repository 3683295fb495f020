"""Which resources of which devices a rule means (R-104, R-107)."""

import pytest

from services.notifier.subscriptions import subscriptions
from services.notifier.subscriptions.subscriptions import Interest, Presubscription

DEVICE = "0167" + "d" * 28


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("", True),
        ("urn:dev:1", True),
        ("urn:dev:2", False),
        ("urn:dev", False),
        ("urn:*", True),
        ("*", True),
        ("x*", False),
        (DEVICE, True),
        (DEVICE.upper(), True),
        ("0167D*", True),
        ("0168*", False),
    ],
)
def test_a_device_is_meant_by_its_id_or_its_own_name(name: str, *, meant: bool) -> None:
    assert Presubscription(name).is_for(DEVICE, "urn:dev:1", "meter") is meant


def test_a_device_is_meant_by_its_type() -> None:
    rule = Presubscription(endpoint_type="meter")
    assert rule.is_for(DEVICE, "urn:dev:1", "meter")
    assert not rule.is_for(DEVICE, "urn:dev:1", "")
    both = Presubscription("urn:dev:2", "meter")
    assert not both.is_for(DEVICE, "urn:dev:1", "meter")


@pytest.mark.parametrize(
    ("paths", "path", "covered"),
    [
        ((), "/3/0/9", True),
        (("/3/0/9",), "/3/0/9", True),
        (("/3/0/9",), "/3/0/91", False),
        (("/3/0",), "/3/0/9", False),
        (("/3/*",), "/3/0/9", True),
        (("/3/0/9*",), "/3/0/91", True),
        (("/4/*", "/3/0/9"), "/3/0/9", True),
        (("/*",), "/3/0/9", True),
    ],
)
def test_a_path_is_meant_whole_or_by_its_beginning(
    paths: tuple[str, ...], path: str, *, covered: bool
) -> None:
    assert Presubscription(paths=paths).covers(path) is covered


def test_paths_are_compared_without_empty_segments() -> None:
    (rule,) = subscriptions.rules([{"resource-path": ["3//0/9/", "/3303/*"]}])
    assert rule.paths == ("/3/0/9", "/3303/*")


def test_a_key_is_told_of_what_it_has_subscribed_to_and_of_what_its_rules_mean() -> (
    None
):
    interest = Interest(
        frozenset({(DEVICE, "/3/0/9")}),
        (Presubscription(endpoint_type="meter", paths=("/3303/*",)),),
    )

    def wants(path: str, endpoint_type: str = "meter") -> bool:
        return interest.wants(
            DEVICE, path, endpoint_name="urn:dev:1", endpoint_type=endpoint_type
        )

    assert wants("/3/0/9", "lamp")
    assert wants("/3303/0/5700")
    assert not wants("/3303/0/5700", "lamp")
    assert not wants("/3/0/8")
