"""What is printed is a table for a person and JSON for a program."""

import json
from datetime import UTC, datetime

import pytest

from homeport.client.devices import Device
from homeport.commands import output

DEVICES = [
    Device(id=str(number), state="registered", endpoint_name="kitchen\x1b[31m")
    for number in range(3)
]
COLUMNS: output.Columns[Device] = {
    "id": lambda device: device.id,
    "endpoint name": lambda device: device.endpoint_name,
}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (5, "5"),
        ("a b", "a b"),
        (("a", "b"), "a, b"),
        ({"a": "b", "c": 1}, "a=b, c=1"),
        (datetime(2026, 11, 25, 12, 0, 1, 999, UTC), "2026-11-25T12:00:01Z"),
        ("\x1b[2Jgone\n", "\N{REPLACEMENT CHARACTER}[2Jgone\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_value_is_written_for_a_person(value: object, written: str) -> None:
    assert output.text(value) == written


def test_a_table_has_titles_and_nothing_that_controls_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.show(DEVICES, COLUMNS, limit=3, as_json=False)
    printed, noted = capsys.readouterr()
    title, *rows = printed.splitlines()
    assert title.split() == ["id", "endpoint", "name"]
    assert len(rows) == 3
    assert "\x1b" not in printed
    assert noted == ""


def test_json_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(DEVICES, COLUMNS, limit=2, as_json=True)
    printed, noted = capsys.readouterr()
    told = [json.loads(line) for line in printed.splitlines()]
    assert [each["id"] for each in told] == ["0", "1"]
    assert told[0]["endpoint_name"] == "kitchen\x1b[31m"
    assert noted == "there are more; --limit shows them\n"


def test_no_more_is_fetched_than_shown() -> None:
    devices = iter([*DEVICES, *DEVICES])
    output.show(devices, COLUMNS, limit=2, as_json=True)
    assert len(list(devices)) == 3


@pytest.mark.parametrize(("limit", "asked"), [(1, 2), (50, 51), (5_000, 1_000)])
def test_a_page_has_one_more_than_is_shown(limit: int, asked: int) -> None:
    assert output.page_limit(limit) == asked


def test_members_that_are_not_set_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.print_members(DEVICES[0])
    printed = capsys.readouterr().out
    assert "endpoint_name" in printed
    assert "description" not in printed
    assert "custom_attributes" not in printed
