"""``homeport simulate``: a fleet from the first arrival to the summary."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console

from homeport.errors import InvalidConfiguration
from homeport.runtime import logs
from homeport.runtime.config import Settings
from homeport.runtime.lifeline import Announcement, Lifeline, Refusal
from homeport.simulator import developer, journal
from homeport.simulator.factory import SharedCertificate
from homeport.simulator.fleet import Fleet
from homeport.simulator.journal import Journal
from homeport.simulator.options import FleetOptions
from homeport.simulator.report import Report
from homeport.simulator.screen import Pipe, Screen, Terminal


def simulate(
    options: FleetOptions,
    *,
    journal_file: Path | None = None,
    lifeline_descriptor: int | None = None,
) -> bool:
    """Run a fleet until its time is over or a signal ends it.

    Returns whether every device came home. Raises InvalidConfiguration, after having
    told the parent, if there is one, and what a platform's API has to complain about.
    """
    lifeline = None if lifeline_descriptor is None else Lifeline(lifeline_descriptor)
    logs.configure(Settings.load().log_level, service="simulate")
    try:
        with (
            journal.opened(journal_file) as opened,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            equipped = _equipped(options)
            report = runner.run(_run(equipped, opened, lifeline))
    except InvalidConfiguration as error:
        if lifeline is not None:
            lifeline.tell(Refusal(str(error)))
        raise
    return report.all_home


def _equipped(options: FleetOptions) -> FleetOptions:
    """Get from a platform what its devices need and nobody has given."""
    api = options.target.api
    if api is None:
        return options
    factory = options.factory
    if factory is None and options.target.bootstrap is not None:
        factory = SharedCertificate(developer.fetch(api))  # it opens bootstrap only
    return replace(
        options,
        factory=factory,
        anchor=options.anchor or developer.fetch_anchor(api),
    )


async def _run(
    options: FleetOptions, journal: Journal | None, lifeline: Lifeline | None
) -> Report:
    with Fleet(options, journal=journal) as fleet:
        _listen(fleet)
        if lifeline is not None:
            lifeline.tell(Announcement(probes=""))
        screen = _screen(fleet.report)
        showing = asyncio.create_task(_show(fleet.report, screen))
        try:
            await fleet.run()
        finally:
            showing.cancel()
            screen.close(fleet.report)
        return fleet.report


def _screen(report: Report) -> Screen:
    if sys.stdout.isatty():
        return Terminal(Console(), report)
    return Pipe()


async def _show(report: Report, screen: Screen) -> None:
    while True:
        await asyncio.sleep(screen.seconds)
        screen.show(report)


def _listen(fleet: Fleet) -> None:
    """End the fleet at the first signal, and the process at the second."""

    def end(number: signal.Signals) -> None:
        if fleet.stopped:
            os._exit(128 + number)
        fleet.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
