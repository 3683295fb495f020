"""What a person at a terminal sees: a summary, a live line, and what went wrong."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from homeport.runtime.platform.ready import Ready
from homeport.runtime.platform.sampling import Sample

_COLORS = {"warning": "yellow", "error": "red", "critical": "red"}
_NO_DETAIL = ("event", "level", "timestamp", "service", "exception")


class Screen:
    """The terminal of ``homeport up``."""

    def __init__(self, console: Console, data: Path) -> None:
        self._console = console
        self._data = data
        self._live = Live(
            Text("starting …"),
            console=console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._since = time.monotonic()

    def open(self) -> None:
        """Show the live line."""
        self._live.start(refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._live.stop()

    def summarize(self, ready: Ready, *, nosec: bool) -> None:
        """Show where the platform serves."""
        table = Table.grid(padding=(0, 2))
        for name, value in summary(ready):
            table.add_row(f"[bold]{name}[/]", escape(value))
        table.add_row("[bold]logs[/]", escape(str(self._data / "logs")))
        self._console.print()
        self._console.print(table, soft_wrap=True)
        if nosec:
            self._console.print(
                "[yellow]Plain CoAP is open: devices are taken at their word.[/]"
            )
        self._console.print("Ctrl-C stops everything.\n")
        self._since = time.monotonic()

    def say(self, text: str) -> None:
        """Change the live line."""
        self._live.update(Text(text), refresh=True)

    def show(self, sample: Sample) -> None:
        """Show the newest figures."""
        self.say(live_line(sample, time.monotonic() - self._since))

    def note(self, source: str, event: Mapping[str, Any]) -> None:
        """Show a warning or an error above the live line."""
        self._console.print(note(source, event), soft_wrap=True)


def summary(ready: Ready) -> list[tuple[str, str]]:
    """Return what a person needs to know, name and value."""
    return [
        ("account", ready.account_id),
        ("API key", ready.api_key),
        ("API", ready.api),
        *((("API, TLS", ready.api_https),) if ready.api_https else ()),
        ("API pages", f"{ready.api}/v3/docs"),
        *(("bootstrap", url) for url in ready.bootstrap.values()),
        *(("lwm2m", url) for url in ready.lwm2m.values()),
        ("NATS", ready.nats),
        ("Redis", ready.redis),
        ("PostgreSQL", ready.postgres),
    ]


def live_line(sample: Sample, seconds: float) -> str:
    """Build the live line."""
    devices = (
        "devices unknown"
        if sample.devices is None
        else " · ".join(
            f"{count} {state.replace('_', ' ')}"
            for state, count in sample.devices.items()
            if count
        )
        or "no devices yet"
    )
    rate = sample.events_per_second
    events = "" if rate is None else f"   {rate:.0f} events/s"
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}   {devices}{events}"


def note(source: str, event: Mapping[str, Any]) -> Text:
    """Build a line about a warning or an error."""
    detail = " ".join(
        f"{key}={value}" for key, value in event.items() if key not in _NO_DETAIL
    )
    text = Text(f"{source}: ", style=_COLORS.get(str(event.get("level")), "red"))
    text.append(f"{event.get('event', '')} {detail}".strip(), style="default")
    return text
