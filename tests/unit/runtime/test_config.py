"""Configuration is read once, and its faults are named."""

import pytest
from pydantic import ValidationError

from homeport.errors import InvalidConfiguration
from homeport.runtime.config import EdgeSettings, Settings


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEPORT_BUCKETS", "8")
    assert Settings.load().buckets == 8


def test_nosec_is_off_unless_asked_for() -> None:
    assert EdgeSettings.load().nosec is False


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings.load().buckets = 9


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("HOMEPORT_BUCKETS", "0"),
        ("HOMEPORT_BUCKETS", "many"),
        ("HOMEPORT_PROBE_PORT", "70000"),
        ("HOMEPORT_LOG_LEVEL", "loud"),
        ("HOMEPORT_DEFAULT_ACCOUNT_ID", "me"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(InvalidConfiguration, match=setting):
        Settings.load()


def test_an_api_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEPORT_DEFAULT_API_KEY", "ak_1secret")
    assert "secret" not in repr(Settings.load())
