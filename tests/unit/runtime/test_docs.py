"""The reference pages are written from the code, the same bytes every time."""

import json
from pathlib import Path

import pytest

from homeport.cli import command_line
from homeport.events.cloudevents import HEADERS
from homeport.events.facts import FactName
from homeport.runtime import docs, services
from homeport.runtime.api import load

COMMITTED = Path(__file__).parents[3] / "docs" / "reference"


def test_every_setting_is_listed_once_with_its_meaning() -> None:
    page = docs.configuration()
    for name in services.MODULES:
        for setting, field in services.load(name).SETTINGS.model_fields.items():
            assert field.description, setting
            assert page.count(f"| `HOMEPORT_{setting.upper()}` |") == 1


def test_every_fact_is_described_with_its_content() -> None:
    document = json.loads(docs.asyncapi())
    addresses = {channel["address"] for channel in document["channels"].values()}
    schemas = document["components"]["schemas"]
    assert {f"homeport.v1.{{account_id}}.{fact}" for fact in FactName} <= addresses
    assert "registration_id" in schemas["DeviceRegistered"]["properties"]


def test_every_message_is_described_with_its_headers() -> None:
    document = json.loads(docs.asyncapi())
    channels, components = document["channels"], document["components"]
    assert channels["device.registered"]["parameters"]["account_id"]
    assert set(components["schemas"]["Headers"]["properties"]) == set(HEADERS)
    for message in components["messages"].values():
        assert message["headers"] == {"$ref": "#/components/schemas/Headers"}
        assert "correlationId" not in message


@pytest.mark.parametrize("name", docs.MOUNTED)
def test_every_rest_route_is_described(name: str) -> None:
    paths = json.loads(docs.openapi(name))["paths"]
    prefixes = load(docs.MOUNTED[name]).PREFIXES
    assert paths
    assert all(path.startswith(prefixes) for path in paths)


def test_every_command_is_described() -> None:
    page = command_line()
    for command in ("up", "run", "doctor", "simulate", "docs"):
        assert f"Usage: homeport {command} " in page


def test_the_same_code_writes_the_same_pages(tmp_path: Path) -> None:
    docs.write(tmp_path, docs.pages(command_line()))
    docs.write(tmp_path / "again", docs.pages(command_line()))
    for page in (tmp_path / "again").iterdir():
        assert page.read_bytes() == (tmp_path / page.name).read_bytes()


@pytest.mark.skipif(
    not (COMMITTED / "README.md").exists(), reason="no reference is committed yet"
)
def test_the_committed_pages_are_up_to_date() -> None:
    for name, content in docs.pages(command_line()).items():
        assert (COMMITTED / name).read_text() == content, f"{name}: run `make docs`"
