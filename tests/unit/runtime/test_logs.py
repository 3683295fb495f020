"""In a pipe, every line is one JSON object, whoever writes it."""

import json
import subprocess
import sys
from typing import Any

SCRIPT = """
import logging, sys
import structlog
from homeport.runtime import logs

logs.configure(sys.argv[1], service="lwm2m")
log = structlog.get_logger()
log.debug("too small to tell")
log.info("register", device="d1")
try:
    raise ValueError("what went wrong")
except ValueError:
    log.error("broken", exc_info=True)
logging.getLogger("uvicorn").info("chatter")
logging.getLogger("uvicorn").warning("a library warns")
"""


def lines(level: str) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, level],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_a_line_is_an_event_with_keys() -> None:
    register, broken, warning = lines("info")
    assert register["event"] == "register"
    assert register["device"] == "d1"
    assert register["service"] == "lwm2m"
    assert register["level"] == "info"
    assert register["timestamp"].endswith("Z")
    assert "what went wrong" in broken["exception"]
    assert (warning["event"], warning["level"]) == ("a library warns", "warning")


def test_what_is_below_the_level_is_left_out() -> None:
    assert [line["event"] for line in lines("error")] == ["broken"]
    assert lines("debug")[0]["event"] == "too small to tell"
