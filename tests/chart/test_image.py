"""The image: what it is built from, and that it runs as a restricted pod."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from homeport import __version__
from homeport.commands.nats_configuration import build
from tests.support import chart, image
from tests.support.chart import CHART
from tests.support.chart_pods import containers, is_ours, pods
from tests.support.image import ROOT, Engine

DOCKERFILE = (ROOT / "Dockerfile").read_text()
SBOM = "/opt/homeport/sbom.cdx.json"
START_SECONDS = 60
HADOLINT = Path(sys.executable).with_name("hadolint")


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [str(HADOLINT), str(ROOT / "Dockerfile")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_image_and_chart_are_of_our_version() -> None:
    described = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f"ARG VERSION={__version__}\n" in DOCKERFILE
    assert described["appVersion"] == __version__
    assert described["version"] == __version__


def test_it_runs_as_the_user_that_pods_have() -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    for _, pod in pods(chart.release("minimal")):
        context = pod["spec"]["securityContext"]
        assert (str(context["runAsUser"]), str(context["runAsGroup"])) == user


def test_its_ports_are_those_of_pods() -> None:
    (told,) = re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
    opened = {
        f"{port['containerPort']}/{port['protocol'].lower()}"
        for _, _, container in containers(chart.release("minimal"))
        if is_ours(container)
        for port in container.get("ports", ())
    }
    assert set(told.split()) == opened


def test_its_python_is_one_that_we_support() -> None:
    (tag,) = re.findall(r"^ARG BASE=python:(\d+\.\d+)-slim-", DOCKERFILE, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={tag}"


def test_it_needs_no_shell() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    lines = last.splitlines()
    assert 'ENTRYPOINT ["/opt/homeport/bin/homeport"]' in lines
    assert all(line.startswith("RUN [") for line in lines if line.startswith("RUN "))


def test_nothing_is_sent_to_the_builder_that_it_does_not_need() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    sent = {line[1:] for line in ignored if line.startswith("!")}
    assert sent == {*image.CONTEXT, "homeport", "services", "wheels"}


BUILDS = pytest.mark.timeout(1800)
"""Of the first test that asks for the image, which is built then."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The image, built; it takes some minutes, so it has to be asked for."""
    if os.environ.get("HOMEPORT_TEST_IMAGE") != "1":
        pytest.skip("no image is built: HOMEPORT_TEST_IMAGE=1 asks for it")
    if absent := image.missing():
        pytest.skip(f"no image is built: {', '.join(absent)} not installed (Debian)")
    folder = tmp_path_factory.mktemp("image")
    context = folder / "context"
    context.mkdir()
    with image.engine(folder) as engine:
        engine.build(image.prepare(context))
        yield engine
    shutil.rmtree(folder, ignore_errors=True)


@BUILDS
def test_a_restricted_container_runs_it(built: Engine) -> None:
    assert built.run("--version") == (0, f"homeport {__version__}\n")


@BUILDS
def test_a_restricted_container_says_what_is_missing(built: Engine) -> None:
    code, said = built.run("run", "lwm2m")
    assert (code, said) == (2, "homeport: HOMEPORT_SECRET_KEY is needed\n")


@BUILDS
def test_a_restricted_container_says_what_nats_has_to_know(built: Engine) -> None:
    url, seed = "nats://homeport:secret@nats", "ab" * 32
    told = {"HOMEPORT_NATS_URL": url, "HOMEPORT_NATS_ISSUER_SEED": seed}
    assert built.run("nats-configuration", **told) == (0, build(url, seed))


@BUILDS
def test_it_ends_when_it_is_told_to_also_as_process_one(built: Engine) -> None:
    nowhere = {"HOMEPORT_REDIS_URL": "redis://127.0.0.1:1/0"}
    told = [f"--env={name}={value}" for name, value in nowhere.items()]
    started = built.call(
        *("podman", "run", "--detach", "--name", "waiting", *image.RESTRICTED),
        *(*told, image.IMAGE, "run", "expiry"),
    )
    assert started.returncode == 0, started.stderr
    deadline = time.monotonic() + START_SECONDS
    while "start waits" not in built.call("podman", "logs", "waiting").stdout:
        assert not _ended(built)
        assert time.monotonic() < deadline
    built.call("podman", "kill", "--signal", signal.SIGTERM.name, "waiting")
    assert built.call("podman", "wait", "waiting").stdout == "0\n"


def _ended(engine: Engine) -> bool:
    shown = engine.call("podman", "inspect", "waiting", "--format", "{{.State.Status}}")
    return shown.stdout.strip() == "exited"


@BUILDS
def test_it_says_what_is_in_it(built: Engine) -> None:
    shown = built.call(
        *("podman", "run", "--rm", *image.RESTRICTED, "--entrypoint"),
        *("/opt/homeport/bin/python", image.IMAGE, "-c"),
        f"import json; print(json.load(open('{SBOM}'))['bomFormat'])",
    )
    assert shown.stdout == "CycloneDX\n"
