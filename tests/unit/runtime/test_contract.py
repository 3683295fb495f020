"""The published calls are each listed once."""

from collections import Counter

from homeport.runtime.contract import published


def test_no_call_is_listed_twice() -> None:
    counted = Counter((call.method, call.path) for call in published())
    assert max(counted.values()) == 1


def test_a_call_has_a_rule_and_statuses() -> None:
    for call in published():
        assert call.rule.startswith("R-")
        assert any(status < 400 for status in call.statuses), call


def test_an_alias_is_described_where_it_leads() -> None:
    described = {call.path: call.described_as[1] for call in published()}
    assert described["/v3/devicelog/{}"] == "/v3/device-events/{}"
    assert described["/v3/accounts/{}/trusted-certificates/{}"] == (
        "/v3/trusted-certificates/{}"
    )
    assert described["/v3/accounts/me"] == "/v3/accounts/me"
