"""Lines of many processes become one stream, or files and notes."""

import io
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from homeport.runtime.platform.output import (
    WAITING_LINES,
    FileOutput,
    Lines,
    PipeOutput,
)


def piped(*lines: bytes) -> list[dict[str, Any]]:
    stream = io.StringIO()
    output = PipeOutput(stream)
    for line in lines:
        output.line("lwm2m-1", line)
    output.close()
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_json_passes_a_pipe_as_it_is() -> None:
    assert piped(b'{"event":"ready","level":"info"}') == [
        {"event": "ready", "level": "info"}
    ]


def test_anything_else_becomes_json_and_says_who_said_it() -> None:
    assert piped(b"Traceback:", b"  ", b"\xff") == [
        {"event": "Traceback:", "level": "error", "service": "lwm2m-1"},
        {"event": "\ufffd", "level": "error", "service": "lwm2m-1"},
    ]


def test_a_pipe_that_nobody_reads_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        output = PipeOutput(stream)
        for number in range(3 * WAITING_LINES):
            output.line("x", b'{"event":"line %d %s"}' % (number, b"." * 100))
        events: list[dict[str, Any]] = []

        def read() -> None:
            with os.fdopen(reading, "rb") as reader:
                events.extend(orjson.loads(line) for line in reader)

        thread = threading.Thread(target=read)
        thread.start()
        while not output._waiting.empty():
            thread.join(0.01)
        output.line("x", b'{"event":"last"}')
        output.close()
    thread.join()
    dropped = [event["lines"] for event in events if "lines" in event]
    assert events[-1] == {"event": "last"}
    assert dropped
    assert len(events) - len(dropped) - 1 + sum(dropped) == 3 * WAITING_LINES


def test_a_reader_that_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    output = PipeOutput(stream)
    output.line("x", b'{"event":"unheard"}')
    output.close()
    os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    stream.close()


class Notes(list[tuple[str, Mapping[str, Any]]]):
    def take(self, source: str, event: Mapping[str, Any]) -> None:
        self.append((source, event))


def test_every_process_has_a_file_and_warnings_are_noted(tmp_path: Path) -> None:
    notes = Notes()
    output = FileOutput(tmp_path / "logs", notes.take)
    output.line("lwm2m-1", b'{"event":"fine","level":"info"}')
    output.line("lwm2m-1", b'{"event":"store away","level":"warning"}')
    output.line("expiry-1", b"Segmentation fault")
    output.close()
    assert [(source, event["event"]) for source, event in notes] == [
        ("lwm2m-1", "store away"),
        ("expiry-1", "Segmentation fault"),
    ]
    assert (tmp_path / "logs" / "lwm2m-1.log").read_text().count("\n") == 2
    assert (tmp_path / "logs" / "expiry-1.log").read_text() == "Segmentation fault\n"


def test_a_full_file_makes_room(tmp_path: Path) -> None:
    output = FileOutput(tmp_path, Notes().take)
    line = b'{"event":"' + b"x" * 2**20 + b'"}'
    for _ in range(12):
        output.line("lwm2m-1", line)
    output.close()
    assert (tmp_path / "lwm2m-1.log.1").stat().st_size > 10 * 2**20
    assert (tmp_path / "lwm2m-1.log").stat().st_size < 3 * 2**20


def test_our_own_logs_go_the_same_way() -> None:
    stream = io.StringIO()
    output = PipeOutput(stream)
    lines = Lines(output, "up")
    assert not lines.isatty()
    print('{"event":', file=lines, end="")
    print('"ready"}', file=lines)
    output.close()
    assert stream.getvalue() == '{"event":"ready"}\n'
