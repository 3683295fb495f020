"""Commands are imported when they are asked for, and not before."""

import subprocess
import sys
from collections.abc import Mapping
from typing import ClassVar

import pytest
import typer
from typer.testing import CliRunner

from homeport.commands.lazy import LazyGroup


class Later(LazyGroup):
    LATER: ClassVar[Mapping[str, str]] = {
        "keys": "homeport.commands.keys:cli",
        "try": "homeport.simulator.command:attempt",
    }


@pytest.fixture
def cli() -> typer.Typer:
    made = typer.Typer(cls=Later, no_args_is_help=True, rich_markup_mode=None)

    @made.command()
    def now() -> None:
        """Do something now."""
        typer.echo("done")

    @made.callback()
    def group() -> None:
        """Commands."""

    return made


def test_a_command_of_its_own_is_there(cli: typer.Typer) -> None:
    assert CliRunner().invoke(cli, ["now"]).output == "done\n"


def test_all_are_listed_with_what_they_do(cli: typer.Typer) -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    for line in ("keys  List", "try   Bring", "now   Do something"):
        assert f"  {line}" in shown


def test_a_command_and_a_group_are_what_they_are(cli: typer.Typer) -> None:
    assert "--seconds" in CliRunner().invoke(cli, ["try", "--help"]).output
    assert "create" in CliRunner().invoke(cli, ["keys", "--help"]).output
    assert "delete" in CliRunner().invoke(cli, ["keys", "delete", "--help"]).output


@pytest.mark.parametrize(("typed", "meant"), [("kyes", "keys"), ("tyr", "try")])
def test_one_that_is_misspelled_is_guessed(
    cli: typer.Typer, typed: str, meant: str
) -> None:
    done = CliRunner().invoke(cli, [typed])
    assert done.exit_code == 2
    assert f"Did you mean '{meant}'?" in done.output


LOADED = """
import sys, homeport.cli
heavy = {"httpx", "homeport.client", "homeport.simulator", "pydantic", "rich.table"}
print(*heavy & sys.modules.keys())
"""


def test_a_service_loads_no_command() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
