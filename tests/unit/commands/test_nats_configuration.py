"""`homeport nats-configuration` tells a NATS server what it has to know of Homeport."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from homeport.cli import cli
from homeport.commands.nats_configuration import SEED, URL, build
from homeport.errors import InvalidConfiguration
from homeport.events import applications, bounds
from homeport.pki import nkeys

URLS = "nats://homeport:p%40ss@one:4222,nats://two:4222"


def test_the_services_come_with_the_user_of_the_url() -> None:
    seed = nkeys.new_seed()
    first, _, rest = build(URLS, seed).partition("\n")
    assert int(first.removeprefix("max_payload: ")) >= bounds.LARGEST_MESSAGE
    assert rest == applications.configuration(
        nkeys.parse_seed(seed).public, user="homeport", password="p@ss"
    )


@pytest.mark.parametrize(
    ("url", "seed", "setting"),
    [
        ("nats://one:4222", "ab" * 32, URL),
        ("nats://homeport@one:4222", "ab" * 32, URL),
        ("nats://homeport:secret@[one:4222", "ab" * 32, URL),
        (URLS, "secret", SEED),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(
    url: str, seed: str, setting: str
) -> None:
    with pytest.raises(InvalidConfiguration) as told:
        build(url, seed)
    assert str(told.value).startswith(setting)
    assert "secret" not in str(told.value)


def test_a_file_of_it_is_for_nobody_else(tmp_path: Path) -> None:
    written = tmp_path / "accounts.conf"
    told = {URL: URLS, SEED: "ab" * 32}
    done = CliRunner().invoke(
        cli, ["nats-configuration", f"--output={written}"], env=told
    )
    assert (done.exit_code, done.output) == (0, "")
    assert written.read_text() == build(URLS, "ab" * 32)
    assert written.stat().st_mode & 0o077 == 0
