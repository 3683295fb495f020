"""One platform a data folder."""

from pathlib import Path

import pytest

from homeport.errors import InvalidConfiguration
from homeport.runtime.platform import folder


def test_the_folder_is_made(tmp_path: Path) -> None:
    with folder.held(tmp_path / "a" / "b") as data:
        assert data.is_dir()


def test_a_second_platform_is_refused_with_the_first_ones_process(
    tmp_path: Path,
) -> None:
    with (
        folder.held(tmp_path),
        pytest.raises(InvalidConfiguration, match=r"in use .* \(process \d+\)"),
        folder.held(tmp_path),
    ):
        pass


def test_a_folder_can_be_used_again(tmp_path: Path) -> None:
    with folder.held(tmp_path):
        pass
    with folder.held(tmp_path):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InvalidConfiguration, match="cannot be used"),
        folder.held(tmp_path / "file"),
    ):
        pass


def test_an_ordinary_users_data_are_where_the_system_puts_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/me/share")
    assert folder.default() == Path("/home/me/share/homeport")


def test_roots_data_are_where_a_system_user_may_enter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert folder.default() == Path("/var/lib/homeport")
