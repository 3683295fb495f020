"""Where the lines of all processes go: one stream of JSON, or files and a few notes.

Nobody reads a pipe for ever. A reader that stops must not stop the platform, so lines
wait in a bounded queue, and what does not fit is dropped, counted and said.
"""

import io
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TextIO

import orjson

WAITING_LINES = 10_000
FLUSH_SECONDS = 2.0
LOG_FILE_BYTES = 10 * 2**20
NOTABLE = ("warning", "error", "critical")


class Output(Protocol):
    """Takes the lines of all processes."""

    def line(self, source: str, text: bytes) -> None:
        """Take one line of a process; never waits."""

    def close(self) -> None:
        """Bring what is there to its place."""


def parse(source: str, text: bytes) -> Mapping[str, Any]:
    """Read a line as an event; one that is no JSON object becomes one."""
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError:
        event = None
    if isinstance(event, dict):
        return event
    message = text.decode(errors="replace")
    return {"event": message, "level": "error", "service": source}


class PipeOutput:
    """One JSON object a line, whatever the processes print."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: queue.Queue[bytes | None] = queue.Queue(WAITING_LINES)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def line(self, source: str, text: bytes) -> None:
        """Queue a line; it is dropped while nobody reads the pipe."""
        if not text.strip():
            return
        if not text.startswith(b"{"):
            text = orjson.dumps(parse(source, text))
        try:
            if self._dropped:
                note = {"event": "lines dropped", "level": "warning"}
                self._waiting.put_nowait(orjson.dumps(note | {"lines": self._dropped}))
                self._dropped = 0
            self._waiting.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, as far as somebody reads it."""
        try:
            self._waiting.put(None, timeout=FLUSH_SECONDS)
        except queue.Full:
            return
        self._writer.join(FLUSH_SECONDS)

    def _write(self) -> None:
        while (text := self._waiting.get()) is not None:
            try:
                self._stream.write(text.decode(errors="replace") + "\n")
                if self._waiting.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                continue  # nobody reads any more; the platform goes on


class FileOutput:
    """A file for each process, and a note of every warning and error.

    A file that has grown to 10 MiB is kept as ``.1`` and begun anew.
    """

    def __init__(
        self, folder: Path, note: Callable[[str, Mapping[str, Any]], None]
    ) -> None:
        self._folder = folder
        self._note = note
        self._files: dict[str, BinaryIO] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def line(self, source: str, text: bytes) -> None:
        """Write a line to its process' file; note it if it is a warning."""
        if not text.strip():
            return
        file = self._file(source)
        file.write(text + b"\n")
        file.flush()
        if not text.startswith(b"{") or any(
            f'"{level}"'.encode() in text for level in NOTABLE
        ):
            event = parse(source, text)
            if event.get("level") in NOTABLE:
                self._note(source, event)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _file(self, source: str) -> BinaryIO:
        path = self._folder / f"{source}.log"
        file = self._files.get(source)
        if file is not None and file.tell() > LOG_FILE_BYTES:
            file.close()
            path.replace(path.with_suffix(".log.1"))
            file = None
        if file is None:
            file = self._files[source] = path.open("ab")
        return file


class Lines(io.TextIOBase):
    """A text stream whose lines go to an output: what our own logs are written to."""

    def __init__(self, output: Output, source: str) -> None:
        self._output = output
        self._source = source
        self._kept = ""

    def write(self, text: str, /) -> int:
        """Pass whole lines on."""
        *lines, self._kept = (self._kept + text).split("\n")
        for line in lines:
            self._output.line(self._source, line.encode())
        return len(text)

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True
