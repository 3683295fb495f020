"""What every device was answered, one JSON line each, for whoever wants to compare.

A handshake is an operation too; its code says whether it was full or resumed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import orjson

from homeport.errors import InvalidConfiguration


class Journal:
    """Writes lines as they come; nothing of them is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def answered(
        self, endpoint_name: str, operation: str, code: str, *, reason: str = ""
    ) -> None:
        """Write down how an operation of a device ended, and why if that is known."""
        line = {
            "time": datetime.now(UTC),
            "endpoint_name": endpoint_name,
            "operation": operation,
            "code": code,
        }
        if reason:
            line["reason"] = reason
        self._file.write(orjson.dumps(line) + b"\n")


@contextmanager
def opened(path: Path | None) -> Iterator[Journal | None]:
    """Begin a journal anew; raise InvalidConfiguration when it cannot be written."""
    if path is None:
        yield None
        return
    try:
        file = path.open("wb")
    except OSError as error:
        raise InvalidConfiguration(
            str(path), f"cannot be written: {error.strerror}"
        ) from error
    with file:
        yield Journal(file)
