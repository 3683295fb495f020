"""The command line: one command, ``homeport``, and what it can be told to do.

Exit codes: 0 done, 1 something does not work, 2 what was asked for makes no sense. An
operator's mistake is a sentence, never a traceback.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import typer
from typer.core import TyperGroup

from homeport import __version__
from homeport.commands.lazy import LazyGroup
from homeport.errors import HomeportError, InvalidConfiguration, InvalidInput

FAILURE = 1
USAGE = 2


class Commands(LazyGroup):
    """Those that are not written here, and where they are."""

    LATER: ClassVar[Mapping[str, str]] = {
        "up": "homeport.runtime.platform.command:up",
        "simulate": "homeport.simulator.command:simulate",
        "try": "homeport.simulator.command:attempt",
        "request": "homeport.commands.request:request",
        "observe": "homeport.commands.observe:observe",
        "accounts": "homeport.commands.accounts:cli",
        "ca": "homeport.ca:cli",
        "certificates": "homeport.commands.certificates:cli",
        "devices": "homeport.commands.devices:cli",
        "events": "homeport.commands.events:cli",
        "keys": "homeport.commands.keys:cli",
        "nats-configuration": (
            "homeport.commands.nats_configuration:nats_configuration"
        ),
    }


cli = typer.Typer(
    name="homeport",
    cls=Commands,
    help="Brings LwM2M devices home: onboarding, registrations, lifecycle events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; say what went wrong in a sentence."""
    try:
        cli()
    except (InvalidConfiguration, InvalidInput) as error:
        _complain(error)
        sys.exit(USAGE)
    except HomeportError as error:
        _complain(error)
        sys.exit(FAILURE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILURE)


def _complain(error: HomeportError) -> None:
    print(f"homeport: {error}", file=sys.stderr)  # noqa: T201 # the operator reads it


def _version(wanted: bool) -> None:  # noqa: FBT001 # Typer's callbacks take values
    if wanted:
        typer.echo(f"homeport {__version__}")
        raise typer.Exit


@cli.callback()
def homeport(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Brings LwM2M devices home: onboarding, registrations, lifecycle events."""


@cli.command()
def run(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="directory, lwm2m, bootstrap, expiry, notifier, api, or all.",
        ),
    ],
    *,
    lifeline: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run services in one process against given servers (HOMEPORT_* variables)."""
    signal.signal(signal.SIGTERM, _leave)  # a container's process 1 is deaf without
    from homeport.runtime import running  # noqa: PLC0415 # loads much

    running.run(names, lifeline_descriptor=lifeline)


def _leave(*_: object) -> None:
    """End while what has to be loaded is: nothing has begun yet."""
    raise SystemExit


@cli.command()
def migrate() -> None:
    """Bring the schemas in PostgreSQL up to date; repeating it is harmless."""
    from homeport.runtime import schemas  # noqa: PLC0415 # loads much
    from homeport.runtime.config import DatabaseSettings  # noqa: PLC0415 # loads much

    url = DatabaseSettings.load().postgres_url.get_secret_value()
    for name in asyncio.run(schemas.migrate(url)):
        typer.echo(f"schema {name} is up to date")


@cli.command()
def reseal(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Use what `homeport up` has there, not the HOMEPORT_* variables."
        ),
    ] = None,
) -> None:
    """Seal all that is kept with the newest secret, so that older ones can go.

    It may run beside a platform, and again, once all services have the new secret.
    """
    from homeport.runtime import resealing  # noqa: PLC0415 # loads much

    where = resealing.settings(data and data.expanduser().absolute())
    unopened = 0
    for place, resealed in asyncio.run(resealing.reseal(where)).items():
        typer.echo(f"{place}: {resealed.anew} of {resealed.found} sealed anew")
        unopened += resealed.unopened
    written = asyncio.run(resealing.rewrite_trust(where))
    said = "written anew" if written else "waits for a directory to write it anew"
    typer.echo(f"trust view in Redis: {said}")
    if unopened:
        typer.echo(f"{unopened} are opened by no secret and stay as they are", err=True)
        raise typer.Exit(FAILURE)


@cli.command()
def doctor(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="Examine what `homeport up` has, or would meet, there."),
    ] = None,
) -> None:
    """Say what is wrong with the configuration, in a sentence each."""
    from homeport.runtime.doctor import examine  # noqa: PLC0415 # loads much
    from homeport.runtime.findings import Severity  # noqa: PLC0415 # loads much

    findings = asyncio.run(examine(data and data.expanduser().absolute()))
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.sentence}")
    if any(finding.severity is Severity.FAULT for finding in findings):
        raise typer.Exit(FAILURE)
    if not findings:
        typer.echo("all is well")


@cli.command()
def docs(
    target: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the pages are written.")
    ],
) -> None:
    """Write the reference pages: command line, settings, events, REST routes."""
    from homeport.runtime import docs as reference  # noqa: PLC0415 # loads much

    reference.write(target, reference.pages(command_line()))


def command_line() -> str:
    """Describe every command as its ``--help`` does, for the reference page."""
    from typer.testing import CliRunner  # noqa: PLC0415 # loads much

    runner = CliRunner(env={"COLUMNS": "88", "TERM": "dumb"})
    chapters = []
    for words in _commands(typer.main.get_command(cli)):
        shown = runner.invoke(cli, [*words, "--help"], prog_name="homeport").stdout
        chapters.append(f"## {' '.join(words)}\n\n```\n{shown.strip()}\n```\n")
    return "\n".join(chapters)


def _commands(group: object, *before: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, those of a group behind the group itself."""
    if not isinstance(group, TyperGroup):
        return
    context = typer.Context(group)
    for name in sorted(group.list_commands(context)):
        yield (*before, name)
        yield from _commands(group.get_command(context, name), *before, name)


if __name__ == "__main__":
    main()
