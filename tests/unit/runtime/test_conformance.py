"""The table of conformance is what tests say of themselves."""

from pathlib import Path

import pytest

from homeport.runtime import conformance
from homeport.runtime.conformance import CASES, TESTS, Held

ONE = """
import pytest

@pytest.mark.conforms("C-002", "ETS-1", "B-052")
@pytest.mark.parametrize("x", [1])
async def test_a_key_opens_the_door(x): ...

@pytest.mark.conforms("C-002", "C-004", "ETS-1")
def test_another_key_does_not(): ...

def test_nothing(): ...
"""


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    folder = tmp_path / "tests" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_door.py").write_text(ONE)
    (folder / "door.py").write_text(ONE)
    return folder.parent


def test_a_test_says_which_cases_it_holds(tests: Path) -> None:
    path, another = "tests/unit/test_door.py", "another key does not"
    assert list(conformance.held(tests)) == [
        Held("C-002", ("ETS-1", "B-052"), "a key opens the door", path),
        Held("C-002", ("ETS-1",), another, path),
        Held("C-004", ("ETS-1",), another, path),
    ]


def test_a_case_is_a_row_with_all_its_tests(tests: Path) -> None:
    page = conformance.page(tests)
    assert (
        "| C-002 | ETS-1, B-052 | [a key opens the door; another key does not]"
        "(../../tests/unit/test_door.py) |" in page
    )


def test_cases_that_no_test_holds_are_named(tests: Path) -> None:
    page = conformance.page(tests)
    assert f"2 of {CASES} cases are held" in page
    assert f"Not yet: C-001, C-003, C-005 to C-{CASES}." in page


def test_where_none_is_missing_none_is_named(tmp_path: Path) -> None:
    names = ", ".join(f'"C-{number:03}"' for number in range(1, CASES + 1))
    (tmp_path / "test_all.py").write_text(
        "pytestmark = [pytest.mark.e2e, pytest.mark.soak]\n"
        f"@pytest.mark.conforms({names})\ndef test_everything(): ...\n"
    )
    page = conformance.page(tmp_path)
    assert f"{CASES} of {CASES} cases are held. Tests that" in page
    assert "[everything (long)]" in page


def test_every_test_names_a_case_that_there_is() -> None:
    known = {f"C-{number:03}" for number in range(1, CASES + 1)}
    assert {each.case for each in conformance.held(TESTS)} <= known
