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
from typing import Annotated

import typer
from rich.console import Console
from typer.testing import CliRunner

from homeport import __version__, ca
from homeport.commands import certificates, devices, events, keys
from homeport.errors import HomeportError, InvalidConfiguration, InvalidInput
from homeport.runtime.platform import folder
from homeport.runtime.platform.plan import Options, Ports, parse_scale
from homeport.simulator.command import attempt, simulate

FAILURE = 1
USAGE = 2

cli = typer.Typer(
    name="homeport",
    help="Brings LwM2M devices home: onboarding, registrations, lifecycle events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (ca, certificates, devices, events, keys):
    cli.add_typer(group.cli)


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
def up(
    *,
    data: Annotated[
        Path,
        typer.Option(
            help="The folder that holds everything.",
            show_default="/var/lib/homeport for root, else the user's data folder",
        ),
    ] = folder.default(),  # noqa: B008 # the same for the whole process
    host: Annotated[
        str, typer.Option(help="The address that devices and applications reach.")
    ] = "127.0.0.1",
    ports: Annotated[
        Ports,
        typer.Option(help="All free ones, or 5683, 5783 (CoAP) and 8080 (API)."),
    ] = Ports.WELL_KNOWN,
    nosec: Annotated[
        bool,
        typer.Option(
            "--nosec", help="Open the plain CoAP ports, without any security."
        ),
    ] = False,
    https: Annotated[
        bool,
        typer.Option(
            "--https",
            help="Serve the API over TLS as well, with a certificate of its own CA.",
        ),
    ] = False,
    devices: Annotated[
        int, typer.Option(min=0, help="Run a simulated fleet of so many devices.")
    ] = 0,
    scale: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=N", help="Run N processes of a service."),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="Write where everything is to this file once it serves."),
    ] = None,
    redis_url: Annotated[
        str | None,
        typer.Option(envvar="HOMEPORT_REDIS_URL", help="Use this Redis or Valkey."),
    ] = None,
    nats_url: Annotated[
        str | None,
        typer.Option(envvar="HOMEPORT_NATS_URL", help="Use this NATS server."),
    ] = None,
    postgres_url: Annotated[
        str | None,
        typer.Option(envvar="HOMEPORT_POSTGRES_URL", help="Use this PostgreSQL."),
    ] = None,
    account_id: Annotated[
        str | None,
        typer.Option(
            envvar="HOMEPORT_DEFAULT_ACCOUNT_ID",
            help="The default account; made up at the first start.",
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="HOMEPORT_DEFAULT_API_KEY",
            help="Its first API key; made up at the first start.",
        ),
    ] = None,
    secret_key: Annotated[
        str | None,
        typer.Option(
            envvar="HOMEPORT_SECRET_KEY",
            help="Seals what is stored; made up at the first start.",
        ),
    ] = None,
) -> None:
    """Start the whole system on this machine; Ctrl-C stops it."""
    options = Options(
        data=data,
        host=host,
        ports=ports,
        nosec=nosec,
        https=https,
        devices=devices,
        scale=parse_scale(scale or ()),
        ready_file=ready_file,
        redis_url=redis_url,
        nats_url=nats_url,
        postgres_url=postgres_url,
        account_id=account_id,
        api_key=api_key,
        secret_key=secret_key,
    )
    from homeport.runtime.platform.up import up as start  # noqa: PLC0415 # loads much

    start(options)


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


cli.command()(simulate)
cli.command(name="try")(attempt)


@cli.command()
def doctor(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="Examine what `homeport up` has, or would meet, there."),
    ] = None,
) -> None:
    """Say what is wrong with the configuration, in a sentence each."""
    from homeport.runtime.doctor import Severity, examine  # noqa: PLC0415 # loads much

    findings = asyncio.run(examine(data and data.expanduser().absolute()))
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.sentence}")
    if any(finding.severity is Severity.FAULT for finding in findings):
        raise typer.Exit(FAILURE)
    if not findings:
        Console().print("all is well")


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
    runner = CliRunner(env={"COLUMNS": "88", "TERM": "dumb"})
    chapters = []
    for words in _commands(typer.main.get_command(cli)):
        shown = runner.invoke(cli, [*words, "--help"], prog_name="homeport").stdout
        chapters.append(f"## {' '.join(words)}\n\n```\n{shown.strip()}\n```\n")
    return "\n".join(chapters)


def _commands(group: object, *before: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, those of a group behind the group itself."""
    commands: Mapping[str, object] = getattr(group, "commands", {})
    for name in sorted(commands):
        yield (*before, name)
        yield from _commands(commands[name], *before, name)


if __name__ == "__main__":
    main()
