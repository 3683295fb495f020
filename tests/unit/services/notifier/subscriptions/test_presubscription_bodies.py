"""The JSON of presubscriptions, and its limits (R-103 .. R-105)."""

import orjson
import pytest

from homeport.errors import InvalidParameter
from services.notifier.subscriptions import presubscription_bodies


def test_rules_are_kept_as_they_are_given() -> None:
    rules = [{"endpoint-name": "a*", "resource-path": ["/3/*"]}, {}]
    assert presubscription_bodies.parse(orjson.dumps(rules)) == rules


def test_what_is_not_known_is_ignored() -> None:
    assert presubscription_bodies.parse(b'[{"_uri":1,"endpoint-type":"x"}]') == [
        {"endpoint-type": "x"}
    ]


@pytest.mark.parametrize(
    "rules",
    [
        {},
        "",
        [1],
        [{"endpoint-name": 1}],
        [{"endpoint-name": "a" * 65}],
        [{"endpoint-type": "a" * 65}],
        [{"resource-path": "/3"}],
        [{"resource-path": ["/" + "3" * 128]}],
        [{"resource-path": ["/3"] * 257}],
        [{}] * 1025,
    ],
)
def test_rules_have_their_limits(rules: object) -> None:
    with pytest.raises(InvalidParameter):
        presubscription_bodies.parse(orjson.dumps(rules))
