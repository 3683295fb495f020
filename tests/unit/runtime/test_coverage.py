"""The table of the API says what is served, and which tests make which call."""

from pathlib import Path

import pytest

from homeport.runtime import coverage
from homeport.runtime.contract import published

DOCUMENT = {
    "paths": {
        "/v3/devices/{device_id}": {"get": {"responses": {"200": {}, "default": {}}}},
        "/v3/device-events": {"get": {"responses": {"200": {}}}},
        "/v3/kettles": {"post": {"responses": {"201": {}}}},
    }
}
ONE = 'DEVICES = "/v3/devices/"\nPOT = f"/v3/kettles?x={1}"\n'
OTHER = 'x = "/v3/device-events-of-another-kind"\n'


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_one.py").write_text(ONE)
    (folder / "test_other.py").write_text(OTHER)
    return folder


def row(page: str, call: str) -> str:
    """Find the row of a call."""
    (found,) = (line for line in page.splitlines() if f"| `{call}` |" in line)
    return found


def test_a_value_of_a_path_may_have_any_name() -> None:
    assert coverage.served(DOCUMENT) == {
        ("GET", "/v3/devices/{}"): frozenset({200}),
        ("GET", "/v3/device-events"): frozenset({200}),
        ("POST", "/v3/kettles"): frozenset({201}),
    }


def test_a_call_that_is_served_names_its_tests(tests: Path) -> None:
    page = coverage.page(coverage.served(DOCUMENT), tests)
    assert row(page, "GET /v3/devices/{}").endswith(
        "| 200, 400, 401, 404 | yes | [test_one](../../tests/test_one.py) |"
    )
    assert row(page, "GET /v3/device-events").endswith("| yes |  |")


def test_an_alias_is_served_as_what_it_stands_for(tests: Path) -> None:
    page = coverage.page(coverage.served(DOCUMENT), tests)
    assert "| yes |" in row(page, "GET /v3/devicelog")


def test_a_call_that_is_not_served_says_so(tests: Path) -> None:
    page = coverage.page({}, tests)
    assert f"served: 0 of {len(list(published()))}." in page
    assert row(page, "GET /v3/devices/{}").endswith("| not yet |  |")


def test_a_status_that_is_not_described_is_in_brackets(tests: Path) -> None:
    page = coverage.page({("POST", "/v3/devices"): frozenset({200})}, tests)
    assert "(201), 400" in row(page, "POST /v3/devices")


def test_calls_of_our_own_stand_apart(tests: Path) -> None:
    page = coverage.page(coverage.served(DOCUMENT), tests)
    own = page.partition("## Of our own")[2]
    assert "| `POST /v3/kettles` | 201 | [test_one](../../tests/test_one.py) |" in own
    assert "/v3/devices" not in own
