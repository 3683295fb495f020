"""The container image, really built and run, without a container engine's daemon.

Debian's buildah and podman do it where they are installed: a root file system of Debian
stands for the public base image, and wheels for the package index, which RUN does not
reach.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ("buildah", "podman", "runc", "mmdebstrap")
BASE, IMAGE = "localhost/homeport-base:test", "localhost/homeport:test"
OFFLINE = "--no-index --find-links=/source/wheels"
CONTEXT = ("LICENSE", "README.md", "constraints.txt", "pyproject.toml")
LONGEST_SECONDS = 600
"""How long one of the programs may take."""
RESTRICTED = (
    *("--network", "host", "--read-only", "--cap-drop=ALL"),
    *("--security-opt=no-new-privileges", "--tmpfs", "/tmp:size=64m"),
)
"""As a pod is under restricted Pod Security."""

_STORAGE = '[storage]\ndriver = "vfs"\nrunroot = "{0}/run"\ngraphroot = "{0}/graph"\n'
_CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


@dataclass(frozen=True, slots=True)
class Engine:
    """Where images are kept, and how they are built and run."""

    environment: Mapping[str, str]

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run our command in a restricted container; return its code and words."""
        told = [f"--env={name}={value}" for name, value in environment.items()]
        done = self.call("podman", "run", "--rm", *RESTRICTED, *told, IMAGE, *arguments)
        return done.returncode, done.stdout + done.stderr

    def call(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a program of the engine."""
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
            env=self.environment,
        )

    def build(self, folder: Path) -> None:
        """Build the image from a context that has the wheels in it."""
        done = self.call(
            *("buildah", "bud", "--isolation", "chroot", "--tag", IMAGE),
            *("--build-arg", f"BASE={BASE}", "--build-arg", f"PIP_OPTIONS={OFFLINE}"),
            str(folder),
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Make an engine whose images are in a folder, and the base among them."""
    (folder / "storage.conf").write_text(_STORAGE.format(folder))
    (folder / "containers.conf").write_text(_CONTAINERS)
    made = Engine(
        {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
        }
    )
    system = folder / "base.tar"
    packages = "python3-minimal,python3-venv,libssl3,ca-certificates"
    for command in (
        ("mmdebstrap", "--variant=minbase", f"--include={packages}", "bookworm"),
        ("podman", "import"),
    ):
        done = made.call(
            *command, str(system), *([BASE] if "import" in command else [])
        )
        assert done.returncode == 0, done.stderr[-4000:]
    try:
        yield made
    finally:
        made.call("podman", "rmi", "--all", "--force")


def prepare(folder: Path) -> Path:
    """Copy what the image is built from, and fetch the wheels that it needs."""
    for name in ("Dockerfile", ".dockerignore", *CONTEXT):
        shutil.copy(ROOT / name, folder / name)
    for name in ("homeport", "services"):
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    fetch = (sys.executable, "-m", "pip", "download", "--quiet", "--dest", "wheels")
    for wanted in (
        (".[traces]", "setuptools>=77", "wheel", "cyclonedx-bom"),
        ("--no-deps", "async-timeout"),  # of Debian's older Python
    ):
        subprocess.run(
            [*fetch, "--constraint", "constraints.txt", *wanted],
            timeout=LONGEST_SECONDS,
            check=True,
            cwd=folder,
        )
    for own in (folder / "wheels").glob("homeport-*"):
        own.unlink()
    return folder
