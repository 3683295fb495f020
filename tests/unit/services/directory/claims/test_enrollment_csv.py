"""Lists of enrollment identities, and the reports of them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.directory.claims import enrollment_csv
from services.directory.claims.enrollment_csv import Result

HEADER = "entity__id,{},error__code,error__type,error__message,error__fields"


@pytest.mark.parametrize(
    ("text", "identities"),
    [
        ("", []),
        ("head", []),
        ("head\none", ["one"]),
        ("head\none\n", ["one"]),
        ("head\r\none\r\ntwo", ["one", "two"]),
        ("head\rone\rtwo\r", ["one", "two"]),
        ("head\none,kitchen,2", ["one"]),
        ("head\n\n  \n,,,\n , \t,\none", ["one"]),
        ("head\n \t one \x07 ,x", ["one"]),
        ('head\n"one",x', ["one"]),
        ('head\n  "one"  ', ["one"]),
        ('head\n" one "', [" one "]),
        ('head\n"o""ne"', ['o"ne']),
        ('head\n"",x', [""]),
        ("head\n,x", [""]),
        ('head\n"one', ['"one']),
        ("\ufeffhead\none", ["one"]),
    ],
)
def test_a_list_is_read_as_it_may_be_written(text: str, identities: list[str]) -> None:
    assert enrollment_csv.parse(text.encode()) == identities


def test_what_is_no_text_is_a_wrong_line_like_others() -> None:
    assert enrollment_csv.parse(b"head\n\xff\none") == ["\ufffd", "one"]


@given(st.binary(max_size=200))
def test_any_file_is_read(content: bytes) -> None:
    enrollment_csv.parse(content)


def test_a_report_says_what_came_of_each_line() -> None:
    results = [
        Result("e" * 32, "2026-11-25T00:00:00.000000Z", ""),
        Result("", "", "duplicate"),
        Result("", "", "validation_error"),
    ]
    text = enrollment_csv.build_report(results, deletes=False)
    head, *rows = csv.reader(io.StringIO(text))
    assert ",".join(head) == HEADER.format("entity__created_at")
    assert [row[0] for row in rows] == ["e" * 32, "", ""]
    assert [row[2:4] for row in rows] == [
        ["", ""],
        ["409", "duplicate"],
        ["400", "validation_error"],
    ]


def test_a_report_of_deletions_says_when_that_was() -> None:
    text = enrollment_csv.build_report([Result("", "", "not_found")], deletes=True)
    head, row = text.splitlines()
    assert head == HEADER.format("entity__deleted_at")
    assert row.startswith(",,404,not_found,")
