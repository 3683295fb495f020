"""What may be wrong with a pod that the API server would take, or refuse too late.

Each check takes the objects of a release and yields sentences.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import typer
from starlette.routing import Match

from homeport.cli import cli
from homeport.errors import InvalidConfiguration
from homeport.runtime import probes
from homeport.runtime.config import PREFIX
from homeport.runtime.probes import Probes
from tests.support.chart import Object
from tests.support.chart_settings import CLASSES

LONGEST_SHUTDOWN_SECONDS = 40
"""How long a process may take from SIGTERM to its end: four ports and a relay."""

_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_FACTORS = {"m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_FACTORS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_SECRETS = {
    "HOMEPORT_SECRET_KEY": "ab" * 32,
    "HOMEPORT_DEFAULT_ACCOUNT_ID": "ab" * 16,
    "HOMEPORT_DEFAULT_API_KEY": "ak_1",
    "HOMEPORT_PLATFORM_API_KEY": "ak_1",
    "HOMEPORT_NATS_ISSUER_SEED": "ab" * 32,
    "HOMEPORT_REDIS_URL": "redis://redis",
    "HOMEPORT_NATS_URL": "nats://nats",
    "HOMEPORT_POSTGRES_URL": "postgresql://postgres",
}
"""Stand for what comes out of Secrets."""


def pods(objects: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Yield every pod and template of pods, with what it is called in sentences."""
    for each in objects:
        name = f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield name, each
        elif "template" in each.get("spec", {}):
            yield name, each["spec"]["template"]


def containers(objects: Sequence[Object]) -> Iterator[tuple[str, Object, Object]]:
    """Yield every container with its pod, those that come first among them."""
    for name, pod in pods(objects):
        for each in (
            *pod["spec"].get("initContainers", ()),
            *pod["spec"]["containers"],
        ):
            yield f"{name}, {each['name']}", pod, each


def is_ours(container: Object) -> bool:
    """Say whether a container runs our image."""
    return "args" in container


def quantities(objects: Sequence[Object]) -> Iterator[str]:
    """Amounts are amounts, and nobody asks for more than it may have."""
    for name, _, container in containers(objects):
        resources = container.get("resources", {})
        for part in ("requests", "limits"):
            for what, amount in resources.get(part, {}).items():
                if not _QUANTITY.fullmatch(str(amount)):
                    yield f"{name}: {part}.{what} is no quantity: {amount}"
        for what, amount in resources.get("requests", {}).items():
            limit = resources.get("limits", {}).get(what)
            if limit is not None and _amount(amount) > _amount(limit):
                yield f"{name}: asks for {amount} of {what} and may have {limit}"


def ports(objects: Sequence[Object]) -> Iterator[str]:
    """Ports have names that Kubernetes takes, and no two are the same."""
    for name, _, container in containers(objects):
        given = container.get("ports", [])
        for port in given:
            if not _PORT_NAME.fullmatch(port["name"]):
                yield f"{name}: {port['name']} is no port name"
            if port["protocol"] not in ("TCP", "UDP"):
                yield f"{name}: {port['protocol']} is no protocol"
        for keys in (("name",), ("containerPort", "protocol")):
            found = [tuple(port[key] for key in keys) for port in given]
            for twice in {each for each in found if found.count(each) > 1}:
                yield f"{name}: two ports are {twice}"


def mounts(objects: Sequence[Object]) -> Iterator[str]:
    """What is mounted is a volume, and /tmp is there: the root cannot be written."""
    for name, pod, container in containers(objects):
        volumes = {each["name"] for each in pod["spec"].get("volumes", ())}
        mounted = container.get("volumeMounts", ())
        for each in mounted:
            if each["name"] not in volumes:
                yield f"{name}: {each['name']} is mounted and no volume"
        if "/tmp" not in {each["mountPath"] for each in mounted}:
            yield f"{name}: has no /tmp"


def hooks(objects: Sequence[Object]) -> Iterator[str]:
    """Probes and preStop go to a port of the container, and to a page of the app."""
    pages = probes.application(Probes())
    for name, _, container in containers(objects):
        names = {port["name"] for port in container.get("ports", ())}
        for what, call in _calls(container):
            port = call.get("port")
            if port not in names:
                yield f"{name}: {what} goes to {port}, which is no port"
            path = urlsplit(call.get("path", "")).path
            scope = {"type": "http", "method": "GET", "path": path, "headers": []}
            if "path" in call and not any(
                route.matches(scope)[0] is Match.FULL for route in pages.routes
            ):
                yield f"{name}: {what} goes to {path}, which is no page"
        if is_ours(container) and container["args"][0] == "run":
            wanted = {"startupProbe", "livenessProbe", "readinessProbe", "preStop"}
            for missing in sorted(wanted - {what for what, _ in _calls(container)}):
                yield f"{name}: has no {missing}"


def commands(objects: Sequence[Object]) -> Iterator[str]:
    """Our image is told something that the command line knows."""
    group = typer.main.get_group(cli)
    context = typer.Context(group)
    for name, _, container in containers(objects):
        if not is_ours(container):
            continue
        command, *arguments = container["args"]
        known = group.get_command(context, command)
        if known is None:
            yield f"{name}: homeport has no {command}"
            continue
        options = {word for each in known.params for word in each.opts}
        for each in arguments:
            if each.startswith("--") and each.partition("=")[0] not in options:
                yield f"{name}: homeport {command} has no {each}"
        if command == "run" and set(arguments) - CLASSES.keys():
            yield f"{name}: there is no service {arguments}"


def environments(objects: Sequence[Object]) -> Iterator[str]:
    """A service is told what its settings class knows, in a way that it can read."""
    for name, _, container in containers(objects):
        if not is_ours(container) or container["args"][0] != "run":
            continue
        settings = CLASSES[container["args"][1]]
        known = {f"{PREFIX}{field.upper()}" for field in settings.model_fields}
        names = [each["name"] for each in container["env"]]
        for each in names:
            if each.startswith(PREFIX) and each not in known:
                yield f"{name}: {each} is no setting of it"
            if names.count(each) > 1:
                yield f"{name}: {each} is set twice"
        try:
            with mock.patch.dict(os.environ, environment(container), clear=True):
                settings.load()
        except InvalidConfiguration as error:
            yield f"{name}: {error}"


def environment(container: Object) -> Mapping[str, str]:
    """Return what a container is told; something else stands for its secrets."""
    return {
        each["name"]: each["value"] if "value" in each else _SECRETS[each["name"]]
        for each in container["env"]
        if each["name"].startswith(PREFIX)
    }


def security(objects: Sequence[Object]) -> Iterator[str]:
    """Every pod is a restricted one, with no token and no names of its neighbours."""
    for name, pod in pods(objects):
        spec = pod["spec"]
        context = spec.get("securityContext", {})
        wanted: Mapping[str, Any] = {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        yield from _differences(f"{name}: securityContext", context, wanted)
        if not context.get("runAsUser"):
            yield f"{name}: runs as root"
        tight = {"automountServiceAccountToken": False, "enableServiceLinks": False}
        yield from _differences(name, spec, tight)
        for each in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(each):
                yield f"{name}: {each} is on"
        for volume in spec.get("volumes", ()):
            if "hostPath" in volume:
                yield f"{name}: volume {volume['name']} is of the host"
    for name, _, container in containers(objects):
        tight = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        yield from _differences(name, container.get("securityContext", {}), tight)


def endings(objects: Sequence[Object]) -> Iterator[str]:
    """A pod is given the time that its preStop and its process need."""
    for name, pod, container in containers(objects):
        for what, call in _calls(container):
            if what == "preStop":
                drain = float(urlsplit(call["path"]).query.removeprefix("seconds="))
                grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
                if drain + LONGEST_SHUTDOWN_SECONDS >= grace:
                    yield f"{name}: drains for {drain:g} s and is killed after {grace}"
                if drain > probes.LONGEST_DRAIN_SECONDS:
                    yield f"{name}: may not drain for {drain:g} s"


def _calls(container: Object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for what in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container.get(what, {})
        for kind in ("httpGet", "tcpSocket"):
            if kind in probe:
                yield what, probe[kind]
    before = container.get("lifecycle", {}).get("preStop", {})
    if "httpGet" in before:
        yield "preStop", before["httpGet"]


def _differences(
    name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[str]:
    for key, value in wanted.items():
        if found.get(key) != value:
            yield f"{name}: {key} is {found.get(key)}, not {value}"


def _amount(text: object) -> float:
    number = re.match(r"[\d.]+", str(text))
    if number is None:
        return 0
    return float(number[0]) * _FACTORS.get(str(text)[number.end() :], 1)
