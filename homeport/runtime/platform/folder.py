"""The data folder: where it is by default, and that only one platform uses it."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeport.errors import InvalidConfiguration

LOCK = "homeport.lock"


def default() -> Path:
    """Return where this user's data belong on this system.

    Root's are in /var/lib: the system user that runs PostgreSQL then cannot enter
    root's home.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/homeport")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "homeport"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "homeport"


@contextmanager
def held(data: Path) -> Iterator[Path]:
    """Make the folder and keep everybody else out of it; yield its full path.

    Raises InvalidConfiguration when it cannot be made or another platform has it. The
    lock ends with the process that holds it, however that ends.
    """
    data = data.expanduser().absolute()
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o711)
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InvalidConfiguration(
            str(data), f"cannot be used as data folder: {error.strerror}"
        ) from error
    try:
        _lock(descriptor, data)
        yield data
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        raise InvalidConfiguration(
            str(data), f"is in use by another homeport up (process {holder})"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
