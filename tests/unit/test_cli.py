"""The command line: an operator's mistake is a sentence and an exit code."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from homeport import __version__

NOWHERE = "coap://127.0.0.1:9"


def homeport(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "homeport", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_it_says_its_version() -> None:
    assert homeport("--version").stdout == f"homeport {__version__}\n"


def test_it_prints_its_commands() -> None:
    shown = homeport("--help").stdout
    for command in ("up", "run", "doctor", "simulate", "docs"):
        assert f"  {command} " in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "lwm3m"], "service 'lwm3m' is not known"),
        (["up", "--scale", "lwm2m=none"], "--scale lwm2m=none is not NAME=NUMBER"),
        (["up", "--scale", "api=2"], "--scale api=2 names none of"),
        (["up", "--data", "/dev/null"], "/dev/null cannot be used as data folder"),
        (["up", "--ports", "any"], "'any'"),
        (["up", "--devices", "-1"], "-1"),
        (["simulate", "--devices", "0"], "0"),
        (["simulate", "--ready-file", "/dev/null"], "/dev/null tells of no platform"),
        (["simulate", "--lwm2m", "127.0.0.1:5683"], "is not coap[s]://<host>:<port>"),
        (["simulate", "--lwm2m", NOWHERE, "--mix", "dance=1"], "--mix has 'dance=1'"),
        (["simulate", "--seconds", "0"], "0"),
        (["run"], "Missing argument"),
    ],
)
def test_a_mistake_is_a_sentence(arguments: list[str], sentence: str) -> None:
    done = homeport(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_too_few_open_files_are_a_sentence() -> None:
    command = [sys.executable, "-P", "-m", "homeport", "simulate", "--devices", "1000"]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 500; exec "$@"', "sh", *command, "--lwm2m", NOWHERE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "--devices needs 1064 open files and the system allows 500" in done.stderr


def test_a_wrong_setting_is_a_sentence() -> None:
    done = homeport("run", "expiry", HOMEPORT_BUCKETS="0")
    assert done.returncode == 2
    assert done.stderr.startswith("homeport: HOMEPORT_BUCKETS is wrong")


def test_a_taken_port_stops_the_start(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = homeport("up", "--data", str(tmp_path), HOMEPORT_API_PORT=str(port))
    assert done.returncode == 2
    assert f"TCP port {port} on 127.0.0.1 cannot be opened" in done.stderr


EARLY = """
import os, signal
from homeport.runtime import running
running.run = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)
from homeport import cli
cli.main()
"""


def test_a_process_that_is_told_to_end_while_it_loads_ends_well() -> None:
    command = [sys.executable, "-c", EARLY, "run", "expiry"]
    done = subprocess.run(command, timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("HOMEPORT_REDIS_URL", "redis.example:6379", "does not begin with redis://"),
        ("HOMEPORT_NATS_URL", "http://nats.example", "does not begin with nats://"),
        ("HOMEPORT_SECRET_KEY", "5ecret", "HOMEPORT_SECRET_KEY is"),
    ],
)
def test_a_pod_that_cannot_work_says_why_in_one_line(
    setting: str, value: str, sentence: str
) -> None:
    done = homeport("run", "lwm2m", **{setting: value})
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
