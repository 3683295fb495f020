"""The ready file: everything a program needs to use a platform that serves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from homeport.errors import InvalidConfiguration
from homeport.runtime.platform.identity import write_private

FILE = "ready.json"
"""Its name in the data folder, where one always lies while the platform serves."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Where a platform serves; ``bootstrap`` and ``lwm2m`` are scheme → URL.

    URLs have an explicit port and no trailing slash. ``processes`` are process ids by
    name, the embedded servers' included. ``ca`` is the file with the certificate that
    ``api_https`` is known by, unless the operator brought another. ``api_key`` opens
    the default account, ``platform_api_key`` is the platform's operator's.
    """

    account_id: str
    api_key: str
    api: str
    bootstrap: Mapping[str, str]
    lwm2m: Mapping[str, str]
    nats: str
    redis: str
    postgres: str
    processes: Mapping[str, Sequence[int]]
    api_https: str | None = None
    ca: str | None = None
    platform_api_key: str = ""


def write(path: Path, ready: Ready) -> None:
    """Replace the file at once; only its owner may read the keys in it.

    Raises InvalidConfiguration when it cannot be written there.
    """
    try:
        write_private(path, orjson.dumps(ready, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise InvalidConfiguration(
            str(path), f"cannot be written: {error.strerror}"
        ) from error


def remove(path: Path) -> None:
    """Say that nothing serves (any more); raise InvalidConfiguration."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidConfiguration(
            str(path), f"cannot be removed: {error.strerror}"
        ) from error


def read(path: Path) -> Ready | None:
    """Read a ready file; nothing when there is none or it is not one of ours."""
    try:
        return Ready(**orjson.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
