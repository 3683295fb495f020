"""Paths are up to four numbers, written in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidName
from homeport.protocol import paths
from homeport.protocol.paths import ROOT, Path

PATHS = st.lists(st.integers(0, paths.LARGEST_ID), max_size=4).map(
    lambda ids: Path(tuple(ids))
)


@given(PATHS)
def test_what_is_built_parses_to_the_same(path: Path) -> None:
    assert paths.parse(paths.build(path)) == path


@given(PATHS, st.integers(0, 4))
def test_a_path_is_a_base_and_what_follows_it(path: Path, length: int) -> None:
    base = Path(path[:length])
    assert paths.within(path, base)
    whole = "" if base == ROOT else paths.build(base)
    assert whole + paths.suffix(path, base) == paths.build(path)


def test_a_path_is_not_within_another() -> None:
    assert not paths.within(Path((3, 0)), Path((3, 0, 9)))
    assert not paths.within(Path((33, 0)), Path((3,)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "3/0",
        "//3",
        "/3/",
        "/3//0",
        "/03",
        "/-3",
        "/3.0",
        "/3/0/9/0/0",
        "/65536",
        "/99999999999",
        "/3/0 ",
        "/3\n",
        "/٣",
        "/rd",
    ],
)
def test_everything_else_is_no_path(text: str) -> None:
    with pytest.raises(InvalidName):
        paths.parse(text)


def test_ids_name_what_is_below() -> None:
    assert paths.below(Path((3,)), 0, 9) == (3, 0, 9)
