"""A fact is complete, frozen, and readable by whoever comes later."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from homeport.errors import InvalidFormat
from homeport.events import facts

BODY = {
    "fact": "device.deregistered",
    "id": "d.1",
    "time": "2026-11-24T14:20:05.123456Z",
    "revision": 1,
    "account_id": "a" * 32,
    "device_id": "d" * 32,
    "endpoint_name": "urn:dev:1",
    "registration_id": "r",
}


def test_a_body_is_the_fact_that_it_names() -> None:
    fact = facts.parse(orjson.dumps(BODY))
    assert isinstance(fact, facts.DeviceDeregistered)
    assert fact.time.isoformat() == "2026-11-24T14:20:05.123456+00:00"


def test_what_is_built_parses_to_the_same() -> None:
    fact = facts.parse(orjson.dumps(BODY))
    assert facts.parse(facts.build(fact)) == fact


def test_members_of_a_later_version_are_ignored() -> None:
    assert facts.parse(orjson.dumps({**BODY, "color": "red"}))


def test_a_bootstrap_of_an_earlier_version_says_nothing_of_credentials() -> None:
    fact = facts.parse(orjson.dumps({**BODY, "fact": "device.bootstrapped"}))
    assert isinstance(fact, facts.DeviceBootstrapped)
    assert (fact.means, fact.credential_expires_at, fact.execution_mode) == (
        "",
        None,
        0,
    )


def test_a_fact_does_not_change() -> None:
    with pytest.raises(ValidationError):
        facts.parse(orjson.dumps(BODY)).revision = 2


def test_every_fact_stands_for_its_name() -> None:
    kinds = facts.Fact.__subclasses__() + facts.Registration.__subclasses__()
    named = {kind.name for kind in kinds if kind is not facts.Registration}
    assert named == set(facts.FactName)


@pytest.mark.parametrize(
    "body",
    [b"", b"junk", b"{}", b"[]", orjson.dumps({**BODY, "fact": "device.exploded"})],
)
def test_what_is_no_fact_is_said_so(body: bytes) -> None:
    with pytest.raises(InvalidFormat, match="fact"):
        facts.parse(body)


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_else(body: bytes) -> None:
    with pytest.raises(InvalidFormat):
        facts.parse(body)
