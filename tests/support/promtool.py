"""Prometheus' own tool, which comes with its server (Debian: prometheus)."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM = shutil.which("promtool")
needed = pytest.mark.skipif(
    PROGRAM is None, reason="promtool is not installed (Debian: prometheus)"
)


def run(*arguments: str | Path) -> str:
    """Run it; fail with what it said unless it is content."""
    assert PROGRAM
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
