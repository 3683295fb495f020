"""``homeport simulate`` and ``homeport try``, as the command line has them."""

from pathlib import Path
from typing import Annotated

import typer

from homeport.ca import Key, ReadyFile, Url, find_api
from homeport.simulator import factory
from homeport.simulator.dialects import DIALECTS, LWM2M_1_1
from homeport.simulator.options import (
    DEFAULT_MIX,
    ConnectionIds,
    FleetOptions,
    Habit,
    Mode,
    find_dialect,
    find_target,
    parse_mix,
)

FAILURE = 1
MIX = ",".join(f"{habit}={weight:g}" for habit, weight in DEFAULT_MIX.items())


def simulate(
    *,
    devices: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many devices.")
    ] = 10,
    ready_file: Annotated[
        Path | None,
        typer.Option(
            help="Use the platform that wrote this file.",
            show_default="that of `homeport up`",
        ),
    ] = None,
    lwm2m: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Register at this server, coap or coaps."),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Bootstrap here, register where that says."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="End after so long.", show_default="at Ctrl-C"),
    ] = None,
    lifetime: Annotated[
        int, typer.Option(min=1, help="The registration lifetime in seconds.")
    ] = 60,
    turn: Annotated[
        float,
        typer.Option(min=0.01, help="The mean pause of a device in seconds."),
    ] = 10.0,
    rate: Annotated[
        float, typer.Option(min=0.01, help="How many devices start in a second.")
    ] = 200.0,
    mix: Annotated[
        str, typer.Option(metavar="HABIT=WEIGHT,...", help="What devices do.")
    ] = MIX,
    queue_mode: Annotated[
        bool,
        typer.Option(
            "--queue-mode", help="Devices sleep between updates, and do nothing else."
        ),
    ] = False,
    prefix: Annotated[
        str, typer.Option(help="How the endpoint names begin.")
    ] = "simulated",
    seed: Annotated[int, typer.Option(help="Another number makes other choices.")] = 0,
    journal: Annotated[
        Path | None,
        typer.Option(help="Write each answer to this file, one JSON line each."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="All devices show this certificate; the file has its key, too.",
            show_default="a platform's developer certificate",
        ),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="Each shows one of its own, signed by this CA; with its key.",
        ),
    ] = None,
    psk_secret: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            envvar="HOMEPORT_SIMULATOR_PSK_SECRET",
            help="Each has a PSK: HMAC-SHA256 of its name, the first 16 bytes.",
        ),
    ] = None,
    psk_file: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Each has a PSK: lines of endpoint name,hex key."
        ),
    ] = None,
    server_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="The first server has to show a certificate of this CA.",
            show_default="a platform's; else any server will do",
        ),
    ] = None,
    connection_ids: Annotated[
        ConnectionIds,
        typer.Option(help="Offer extension 54 (rfc), 254 (draft), both or none."),
    ] = ConnectionIds.BOTH,
    profile: Annotated[
        str, typer.Option(help=f"Speak as {', '.join(DIALECTS)} does.")
    ] = LWM2M_1_1.name,
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="Come by bootstrap, or directly.",
            show_default="by bootstrap where there is one",
        ),
    ] = None,
    lifeline: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a fleet of simulated devices; 0 if all of them came home."""
    from homeport.simulator import running  # noqa: PLC0415 # loads much

    credentials = factory.find(
        certificate=certificate,
        authority=authority,
        psk_secret=psk_secret,
        psk_file=psk_file,
    )
    options = FleetOptions(
        devices,
        find_target(
            ready_file=ready_file,
            lwm2m=lwm2m,
            bootstrap=bootstrap,
            secured=credentials is not None,
            mode=mode,
        ),
        dialect=find_dialect(profile),
        prefix=prefix,
        lifetime=lifetime,
        turn=turn,
        starts_per_second=rate,
        duration=seconds,
        mix={Habit.SLEEP: 1} if queue_mode else parse_mix(mix),
        seed=seed,
        factory=credentials,
        anchor=factory.read_anchor(server_ca) if server_ca is not None else b"",
        connection_ids=connection_ids,
    )
    if not running.simulate(
        options, journal_file=journal, lifeline_descriptor=lifeline
    ):
        raise typer.Exit(FAILURE)


def attempt(
    *,
    api: Url = None,
    key: Key = None,
    ready_file: ReadyFile = None,
    seconds: Annotated[
        float, typer.Option(min=1, help="It has failed after so long.")
    ] = 30,
) -> None:
    """Bring one device home, see it in the directory, and delete it; 0 if all went.

    The device goes the way of any other, by the addresses that devices are told.
    """
    from homeport.simulator import trial  # noqa: PLC0415 # loads much

    for sentence in trial.attempt(find_api(api, key, ready_file), seconds=seconds):
        typer.echo(sentence)
