"""An installation has one account and one key, made once and kept."""

import json
import re
import stat
from pathlib import Path

import pytest

from homeport.errors import InvalidConfiguration
from homeport.runtime.platform import identity

KEY = "ak_1" + "owner" + "0123456789abcdef" * 2
SECRET = "5e" * 32


def test_the_first_start_makes_an_account_a_key_and_a_secret(tmp_path: Path) -> None:
    made = identity.establish(tmp_path)
    assert re.fullmatch("[0-9a-f]{64}", made.secret_key)
    assert re.fullmatch("[0-9a-f]{32}", made.account_id)
    for key in (made.api_key, made.platform_api_key):
        assert re.fullmatch("ak_1[0-9A-Za-z]+[0-9a-f]{32}", key)
    assert made.api_key != made.platform_api_key


def test_the_next_start_finds_them(tmp_path: Path) -> None:
    assert identity.establish(tmp_path) == identity.establish(tmp_path)


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    identity.establish(tmp_path)
    mode = (tmp_path / identity.FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_given_ones_are_taken_and_kept(tmp_path: Path) -> None:
    given = identity.establish(
        tmp_path, account_id="A" * 32, api_key=KEY, secret_key=SECRET
    )
    assert given == identity.establish(tmp_path)
    assert given.account_id == "a" * 32
    assert given.secret_key == SECRET


def test_a_file_of_before_there_were_secrets_gets_one(tmp_path: Path) -> None:
    kept = {"account_id": "a" * 32, "api_key": KEY}
    (tmp_path / identity.FILE).write_text(json.dumps(kept))
    made = identity.establish(tmp_path)
    assert (made.account_id, made.api_key) == ("a" * 32, KEY)
    assert identity.establish(tmp_path).secret_key == made.secret_key


def test_a_file_of_before_there_was_an_operator_gets_its_key(tmp_path: Path) -> None:
    kept = {"account_id": "a" * 32, "api_key": KEY, "secret_key": SECRET}
    (tmp_path / identity.FILE).write_text(json.dumps(kept))
    made = identity.establish(tmp_path)
    assert (made.api_key, made.secret_key) == (KEY, SECRET)
    assert made.platform_api_key
    assert identity.establish(tmp_path) == made


def test_a_key_that_the_operator_has_chosen_is_taken_and_kept(tmp_path: Path) -> None:
    identity.establish(tmp_path)
    identity.establish(tmp_path, platform_api_key="ak_1chosen")
    assert identity.establish(tmp_path).platform_api_key == "ak_1chosen"


def test_no_key_is_shown(tmp_path: Path) -> None:
    made = identity.establish(tmp_path)
    for secret in (made.api_key, made.secret_key, made.platform_api_key):
        assert secret not in repr(made)


def test_another_account_gets_another_key(tmp_path: Path) -> None:
    first = identity.establish(tmp_path)
    assert identity.establish(tmp_path, account_id="b" * 32).api_key != first.api_key


def test_two_keys_of_an_account_differ_in_their_secret_end(tmp_path: Path) -> None:
    account = identity.establish(tmp_path).account_id
    one, two = identity.new_api_key(account), identity.new_api_key(account)
    assert one[:-32] == two[:-32]
    assert one[-32:] != two[-32:]


@pytest.mark.parametrize(
    "key", ["", "secret", "ak_1" + "0" * 32, KEY + "X", KEY + "\n"]
)
def test_a_key_of_another_form_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidConfiguration, match="API key"):
        identity.establish(tmp_path, account_id="a" * 32, api_key=key)


def test_a_secret_of_another_form_is_refused_and_not_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="HOMEPORT_SECRET_KEY") as told:
        identity.establish(tmp_path, secret_key="5ecret")
    assert "5ecret" not in str(told.value)


def test_an_account_id_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="account id"):
        identity.establish(tmp_path, account_id="me")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"account_id": 1}'])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / identity.FILE).write_text(content)
    with pytest.raises(InvalidConfiguration, match=re.escape(identity.FILE)):
        identity.establish(tmp_path)


def test_what_a_file_lacks_is_said(tmp_path: Path) -> None:
    (tmp_path / identity.FILE).write_text("{}")
    with pytest.raises(InvalidConfiguration, match="json lacks 'account_id'"):
        identity.read(tmp_path)
