"""What Helm has made once stays: an upgrade looks it up in the cluster."""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import helm_python
import pytest

from tests.support import chart
from tests.support.chart import CHART, NAMESPACE, RELEASE, Object

DISCOVERY: Mapping[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {
                "name": "secrets",
                "singularName": "secret",
                "namespaced": True,
                "kind": "Secret",
                "verbs": ["get"],
            }
        ],
    },
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
}


@contextmanager
def cluster(*secrets: Object) -> Iterator[helm_python.Config]:
    """Stand in for an API server that has some Secrets and nothing else."""
    found = {
        f"/api/v1/namespaces/{NAMESPACE}/secrets/{each['metadata']['name']}": each
        for each in secrets
    }

    class Answers(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            content = {**DISCOVERY, **found}.get(self.path.partition("?")[0])
            self.send_response(404 if content is None else 200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            missing = {"kind": "Status", "status": "Failure", "code": 404}
            missing |= {"apiVersion": "v1", "reason": "NotFound"}
            self.wfile.write(json.dumps(content or missing).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    url = f"http://127.0.0.1:{server.server_port}"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "users": [{"name": "me", "user": {}}],
        "current-context": "here",
    }
    try:
        with helm_python.Config(
            kubeconfig_content=json.dumps(kubeconfig), namespace=NAMESPACE
        ) as made:
            yield made
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def upgraded(name: str, *there: Object) -> list[Object]:
    """Render an upgrade of a release in a cluster that has these Secrets."""
    with cluster(*there) as config, helm_python.Chart.load(CHART) as loaded:
        return chart.parse(
            config.render(
                loaded,
                chart.values(name),
                name=RELEASE,
                namespace=NAMESPACE,
                is_upgrade=True,
                is_install=False,
            )
        )


def secret(objects: list[Object], name: str) -> Any:
    return chart.named(objects, "Secret", name)


def stored(made: Any) -> Object:
    """Return a Secret as a cluster has it: strings are data there."""
    data = {
        key: base64.b64encode(value.encode()).decode()
        for key, value in made.get("stringData", {}).items()
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": made["metadata"]["name"], "namespace": NAMESPACE},
        "data": made.get("data", data),
    }


def test_an_upgrade_keeps_the_secrets_that_it_finds() -> None:
    before = secret(chart.release("urls"), "secrets")
    after = secret(upgraded("urls", stored(before)), "secrets")
    assert after["data"] == before["data"]


def test_an_upgrade_keeps_the_passwords_of_the_development_stack() -> None:
    first = chart.release("development")
    there = [stored(secret(first, name)) for name in ("secrets", "development")]
    after = secret(upgraded("development", *there), "development")
    assert after["stringData"] == secret(first, "development")["stringData"]


def test_an_upgrade_adds_what_secrets_of_before_have_not() -> None:
    first = chart.release("development")
    there = {name: stored(secret(first, name)) for name in ("secrets", "development")}
    missing = {"secrets": "platform-api-key", "development": "nats-issuer-seed"}
    for name, key in missing.items():
        del there[name]["data"][key]
    made = upgraded("development", *there.values())
    after = {name: stored(secret(made, name))["data"] for name in missing}
    for name, key in missing.items():
        assert after[name].pop(key)
        assert after[name] == there[name]["data"]


def test_an_upgrade_without_them_makes_no_others() -> None:
    with pytest.raises(helm_python.HelmError, match="is gone or cannot be seen"):
        upgraded("urls")
