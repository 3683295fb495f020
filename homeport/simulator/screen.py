"""What is shown of a fleet: a bar and a table on a terminal, JSON lines in a pipe."""

from typing import Protocol

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from homeport.simulator.report import PERCENTILES, Report

PIPE_SECONDS = 10.0
TERMINAL_SECONDS = 0.2

_log = structlog.get_logger()


class Screen(Protocol):
    """Shows a report every ``seconds``, and once more at the end."""

    seconds: float

    def show(self, report: Report) -> None:
        """Show how far the fleet is."""

    def close(self, report: Report) -> None:
        """Show what came of it."""


class Pipe:
    """Logs the report."""

    seconds = PIPE_SECONDS

    def show(self, report: Report) -> None:
        """Log how far the fleet is."""
        _log.info(
            "fleet",
            devices=report.devices,
            home=len(report.came_home),
            operations=report.operations,
        )

    def close(self, report: Report) -> None:
        """Log everything as one line."""
        _log.info("fleet summary", **report.summary())


class Terminal:
    """Shows a bar of the devices that came home, then a table."""

    seconds = TERMINAL_SECONDS

    def __init__(self, console: Console, report: Report) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("devices home"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[operations]:,} operations"),
            console=console,
            auto_refresh=False,
        )
        self._bar = self._progress.add_task("", total=report.devices, operations=0)
        self._progress.start()

    def show(self, report: Report) -> None:
        """Move the bar."""
        self._progress.update(
            self._bar,
            completed=len(report.came_home),
            operations=report.operations,
            refresh=True,
        )

    def close(self, report: Report) -> None:
        """Leave the bar where it is and show the table."""
        self.show(report)
        self._progress.stop()
        self._console.print(table(report))


def table(report: Report) -> Table:
    """Build the table of operations, their outcomes and how long they took."""
    made = Table("operation", "outcomes", box=None, padding=(0, 2, 0, 0))
    for percent in PERCENTILES:
        made.add_column(f"p{percent} ms", justify="right")
    for operation, outcomes in report.outcomes.items():
        counts = ", ".join(f"{name}: {count}" for name, count in outcomes.items())
        made.add_row(operation, counts, *_times(report, operation))
    return made


def _times(report: Report, operation: str) -> list[str]:
    latencies = report.latencies.get(operation)
    if latencies is None:
        return ["-"] * len(PERCENTILES)
    return [f"{latencies.percentile(percent):.1f}" for percent in PERCENTILES]
