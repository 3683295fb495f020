"""`homeport ca`: where the API is, and what is wrong with what was asked for."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homeport import ca
from homeport.errors import HomeportError, InvalidConfiguration, Unavailable
from homeport.runtime.platform import ready
from homeport.runtime.platform.ready import Ready

SERVING = Ready(
    account_id="a" * 32,
    api_key="ak_1serving",
    api="http://127.0.0.1:1",
    bootstrap={},
    lwm2m={},
    nats="",
    redis="",
    postgres="",
    processes={},
    platform_api_key="ak_1operating",
)
API = ["--api", "http://127.0.0.1:1", "--key", "ak_1"]


def run(*arguments: str) -> HomeportError | None:
    """Run a command; return how it failed, if it did."""
    result = CliRunner().invoke(ca.cli, arguments)
    assert result.exception is None or isinstance(result.exception, HomeportError)
    return result.exception


def test_the_api_of_a_platform_that_serves_is_found(tmp_path: Path) -> None:
    ready.write(tmp_path / ready.FILE, SERVING)
    found = ca.find_api(None, None, tmp_path / ready.FILE)
    assert found == ca.Api("http://127.0.0.1:1", "ak_1serving")
    operators = ca.find_api(None, None, tmp_path / ready.FILE, of_operator=True)
    assert operators == ca.Api("http://127.0.0.1:1", "ak_1operating")


def test_what_is_given_comes_first(tmp_path: Path) -> None:
    ready.write(tmp_path / ready.FILE, SERVING)
    found = ca.find_api(None, "ak_1given", tmp_path / ready.FILE)
    assert found == ca.Api("http://127.0.0.1:1", "ak_1given")
    given = ca.Api("http://home.example", "ak_1given")
    assert ca.find_api(given.url, given.key, None) == given


def test_without_a_platform_both_are_needed(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="give --api and --key"):
        ca.find_api("http://127.0.0.1:1", None, tmp_path / ready.FILE)


def test_a_key_is_not_shown() -> None:
    assert "ak_1" not in repr(ca.Api("http://127.0.0.1:1", "ak_1"))


def test_an_api_that_is_away_is_a_sentence() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{holder.getsockname()[1]}"
        failed = run("show", "--api", url, "--key", "ak_1")
    assert isinstance(failed, Unavailable)
    assert str(failed).startswith("API is unavailable")


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "http://[::1", "http://:port/"])
def test_what_is_no_url_is_a_sentence(url: str) -> None:
    failed = run("show", "--api", url, "--key", "ak_1")
    assert isinstance(failed, InvalidConfiguration | Unavailable)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    failed = run("import", "issuer", "--certificate", str(tmp_path / "no.pem"), *API)
    assert isinstance(failed, InvalidConfiguration)
    assert "no.pem cannot be read" in str(failed)


@pytest.mark.parametrize("given", ["issuer", "../accounts", "f" * 63, "g" * 64])
def test_what_is_no_fingerprint_is_not_asked_for(given: str) -> None:
    failed = run("withdraw", given, *API)
    assert str(failed) == "FINGERPRINT is not 64 hex characters"


@pytest.mark.parametrize("half", ["certificate", "private-key"])
def test_half_of_a_server_is_not_enough(tmp_path: Path, half: str) -> None:
    path = tmp_path / "some.pem"
    path.write_text("")
    given = ["--certificate", str(path), f"--lwm2m-{half}", str(path)]
    failed = run("import", "root", *given, *API)
    assert isinstance(failed, InvalidConfiguration)
    other = {"certificate": "private-key", "private-key": "certificate"}[half]
    assert str(failed) == f"--lwm2m-{other} is needed too"
