"""Folders belong to the user that needs them; others may pass at most."""

import os
import stat
from pathlib import Path

import pytest

from homeport.runtime.embedded import users
from homeport.runtime.embedded.users import User

SOMEBODY = User(65534, 65534)
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give away")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.geteuid() == 0, reason="root is another case")
def test_an_ordinary_user_runs_everything_itself() -> None:
    assert users.unprivileged() == users.ourselves()


@only_root
def test_root_lends_postgres_a_user() -> None:
    user = users.unprivileged()
    assert user.user_id != 0
    assert users.unprivileged() == user


def test_a_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    users.give(folder, users.ourselves())
    assert mode(folder) == 0o700
    folder.chmod(0o755)
    users.give(folder, users.ourselves())
    assert mode(folder) == 0o700


@only_root
def test_a_folder_is_given_with_all_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "1").touch()
    users.give(folder, SOMEBODY)
    for path in (folder, folder / "base", folder / "base" / "1"):
        assert path.stat().st_uid == SOMEBODY.user_id


@only_root
def test_another_user_may_pass_but_not_look_around(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    outer.chmod(0o700)
    inner.chmod(0o750)
    users.let_pass(inner, SOMEBODY)
    assert (mode(outer), mode(inner)) == (0o701, 0o751)


def test_we_ourselves_need_no_way(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    users.let_pass(tmp_path, users.ourselves())
    assert mode(tmp_path) == 0o700
