"""What each server's module says of it, and where all of them find things."""

import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeport.runtime.embedded.places import Place
from homeport.runtime.embedded.users import User

LOG_FILE_BYTES = 10 * 2**20


@dataclass(frozen=True, slots=True)
class Site:
    """Where a server belongs: its name, the data folder, and its place."""

    name: str
    data: Path
    place: Place

    @property
    def folder(self) -> Path:
        """What it stores."""
        return self.data / self.name

    @property
    def lock(self) -> Path:
        """What its processes hold while one of them lives."""
        return self.data / f"{self.name}.lock"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.data / "logs" / f"{self.name}.log"

    def open_log(self) -> int:
        """Open the log to append; one that has grown to 10 MiB is kept as ``.1``."""
        self.log.parent.mkdir(exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_FILE_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is run.

    ``stop`` is the signal that ends it at once and in order. ``ask`` raises one of
    ``faults`` while it does not serve. ``leftover`` is a file that one which was killed
    leaves, and that might keep the next from starting. ``settings`` are what services
    read of it besides its URL.
    """

    site: Site
    url: str
    command: tuple[str, ...]
    user: User
    stop: signal.Signals
    ask: Callable[[str], Awaitable[None]]
    faults: tuple[type[Exception], ...]
    leftover: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
