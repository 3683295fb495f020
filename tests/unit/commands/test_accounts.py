"""`homeport accounts` says what an account may have."""

import pytest
import typer

from homeport.commands.accounts import parse_settings


def test_what_is_not_said_stays() -> None:
    assert parse_settings(None, direct=None) == {}


def test_settings_are_said_by_name() -> None:
    said = ["api-keys=4", "developer-certificates=25", "devices="]
    assert parse_settings(said, direct=True) == {
        "direct_registration": True,
        "api_key_limit": 4,
        "developer_certificate_limit": 25,
        "device_limit": None,
    }


@pytest.mark.parametrize("said", ["", "kettles=1", "devices=many", "devices=-1"])
def test_what_makes_no_sense_is_refused(said: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_settings([said], direct=None)
