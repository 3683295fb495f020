"""The journal of a fleet: one JSON line for each answer."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from homeport.errors import InvalidConfiguration
from homeport.simulator import journal


def test_every_answer_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("of the last run")
    before = datetime.now(UTC)
    with journal.opened(path) as opened:
        assert opened is not None
        opened.answered("urn:dev:1", "register", "2.01")
        opened.answered("urn:dev:1", "update", "4.04")
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    times = [datetime.fromisoformat(line.pop("time")) for line in lines]
    assert before <= times[0] <= times[1]
    assert lines == [
        {"endpoint_name": "urn:dev:1", "operation": "register", "code": "2.01"},
        {"endpoint_name": "urn:dev:1", "operation": "update", "code": "4.04"},
    ]


def test_nobody_has_to_want_one() -> None:
    with journal.opened(None) as opened:
        assert opened is None


def test_one_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidConfiguration, match="cannot be written"),
        journal.opened(tmp_path / "no" / "journal"),
    ):
        pass
