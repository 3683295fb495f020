"""Configuration is read once, and its faults are named."""

import pytest
from pydantic import ValidationError

from homeport.errors import InvalidConfiguration
from homeport.runtime.config import (
    DatabaseSettings,
    EdgeSettings,
    SecuritySettings,
    Settings,
)
from tests.support.keyring import SECRET_KEY as SECRET


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


def test_a_secret_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOMEPORT_SECRET_KEY")
    with pytest.raises(InvalidConfiguration, match="HOMEPORT_SECRET_KEY is needed"):
        SecuritySettings.load()


@pytest.mark.parametrize("secret", ["", "5ecret", SECRET[1:], f"{SECRET},"])
def test_a_secret_of_another_form_is_refused_and_not_told(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("HOMEPORT_SECRET_KEY", secret)
    with pytest.raises(InvalidConfiguration, match="HOMEPORT_SECRET_KEY") as told:
        SecuritySettings.load()
    assert not secret or secret not in str(told.value)


def test_a_secret_is_not_shown() -> None:
    settings = SecuritySettings.load()
    assert SECRET not in repr(settings)
    sealed = settings.keyring.seal(b"content", place="here")
    assert settings.keyring.open(sealed, place="here") == b"content"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("coaps://home.example:5684", "coaps://home.example:5684"),
        ("coaps://[2001:DB8::1]:5684/", "coaps://[2001:db8::1]:5684"),
    ],
)
def test_a_public_address_is_scheme_host_and_port(
    monkeypatch: pytest.MonkeyPatch, given: str, kept: str
) -> None:
    monkeypatch.setenv("HOMEPORT_LWM2M_PUBLIC_COAPS", given)
    assert SecuritySettings.load().lwm2m_public_coaps == kept


@pytest.mark.parametrize(
    "given",
    [
        *("", "home.example:5684", "coap://home.example:5684", "coaps://:5684"),
        *("coaps://home.example", "coaps://home.example:x", "coaps://[::1:5684"),
        *("coaps://home.example:5684?aid=1", "coaps://me@home.example:5684"),
    ],
)
def test_another_public_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("HOMEPORT_BOOTSTRAP_PUBLIC_COAPS", given)
    with pytest.raises(InvalidConfiguration, match="HOMEPORT_BOOTSTRAP_PUBLIC_COAPS"):
        SecuritySettings.load()


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("HOMEPORT_REDIS_URL", "rediss://:secret,@redis.example:6380/0"),
        ("HOMEPORT_REDIS_URL", "unix:///run/valkey.sock"),
        ("HOMEPORT_NATS_URL", "nats://one.example:4222,tls://two.example:4222"),
        ("HOMEPORT_POSTGRES_URL", "postgres://homeport@/homeport?host=/run"),
    ],
)
def test_a_url_of_a_server_is_taken(
    monkeypatch: pytest.MonkeyPatch, setting: str, url: str
) -> None:
    monkeypatch.setenv(setting, url)
    settings = DatabaseSettings.load()
    assert url in (
        settings.redis_url,
        settings.nats_url,
        settings.postgres_url.get_secret_value(),
    )


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("HOMEPORT_REDIS_URL", "http://5ecret@redis.example"),
        ("HOMEPORT_REDIS_URL", "redis://:5ecret/word@redis.example"),
        ("HOMEPORT_NATS_URL", "nats://one.example:4222,5ecret@two.example:4222"),
        ("HOMEPORT_POSTGRES_URL", "mysql://homeport:5ecret@postgres.example/homeport"),
        ("HOMEPORT_POSTGRES_URL", "postgresql://homeport:5ecret/@postgres.example/"),
    ],
)
def test_a_url_of_nothing_that_we_use_is_refused_and_not_told(
    monkeypatch: pytest.MonkeyPatch, setting: str, url: str
) -> None:
    monkeypatch.setenv(setting, url)
    with pytest.raises(InvalidConfiguration, match=f"{setting} is wrong: ") as told:
        DatabaseSettings.load()
    assert "5ecret" not in str(told.value)


def test_the_stream_has_the_limits_that_are_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for setting, value in (
        ("REPLICAS", "3"),
        ("SECONDS", "3600"),
        ("BYTES", str(2**30)),
    ):
        monkeypatch.setenv(f"HOMEPORT_STREAM_{setting}", value)
    stream = Settings.load().stream
    assert stream.replicas == 3
    assert stream.max_age_seconds == 3600
    assert stream.max_bytes == 2**30
