"""What may be wrong between the objects of a release.

Each check takes the objects and yields sentences.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from homeport.runtime import metrics
from tests.support.chart import Object, of_kind
from tests.support.chart_pods import containers, pods

AUTOSCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
SERVERS = {
    "HOMEPORT_REDIS_URL": "redis",
    "HOMEPORT_NATS_URL": "nats",
    "HOMEPORT_POSTGRES_URL": "postgres",
}

_NAME = re.compile(r"(?=.{1,63}$)[a-z]([-a-z0-9]*[a-z0-9])?")
_METRIC = re.compile(r"homeport_[a-z_]+")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "type": ("ClusterIP", "NodePort", "LoadBalancer"),
    "externalTrafficPolicy": ("Local", "Cluster"),
    "sessionAffinity": ("None", "ClientIP"),
}


def names(objects: Sequence[Object]) -> Iterator[str]:
    """Names are names, and no two objects of a kind have the same."""
    found = Counter((each["kind"], each["metadata"]["name"]) for each in objects)
    for (kind, name), count in found.items():
        if not _NAME.fullmatch(name):
            yield f"{kind} {name}: is no name"
        if count > 1:
            yield f"{kind} {name}: is there {count} times"
    for each in objects:
        for label, value in each["metadata"].get("labels", {}).items():
            if len(str(value)) > 63:
                yield f"{each['metadata']['name']}: label {label} is too long"


def selectors(objects: Sequence[Object]) -> Iterator[str]:
    """Whoever selects pods finds those of one workload; a policy may find more."""
    for each in objects:
        kind, spec = each["kind"], each.get("spec", {})
        name = f"{kind} {each['metadata']['name']}"
        if kind == "NetworkPolicy":
            wanted = spec["podSelector"].get("matchLabels", {})
            if not _selected(objects, wanted):
                yield f"{name}: selects nobody"
        elif "selector" in spec and kind != "PodMonitor":
            wanted = spec["selector"].get("matchLabels", spec["selector"])
            if kind == "Deployment" and not _selects(wanted, spec["template"]):
                yield f"{name}: does not select its own pods"
            if len(_selected(objects, wanted)) != 1:
                yield f"{name}: does not select the pods of one workload"


def services(objects: Sequence[Object]) -> Iterator[str]:
    """A Service's ports lead to ports of its pods, by one protocol."""
    for each in of_kind(objects, "Service"):
        name, spec = f"Service {each['metadata']['name']}", each["spec"]
        for key, choices in _CHOICES.items():
            if key in spec and spec[key] not in choices:
                yield f"{name}: {key} is {spec[key]}, none of {', '.join(choices)}"
        if spec.get("type") == "ClusterIP" and "externalTrafficPolicy" in spec:
            yield f"{name}: a ClusterIP has no externalTrafficPolicy"
        if len({port["protocol"] for port in spec["ports"]}) > 1:
            yield f"{name}: mixes protocols"
        for key in ("name", "port"):
            found = [port[key] for port in spec["ports"]]
            if len(set(found)) != len(found):
                yield f"{name}: two ports have the {key} {found}"
        opened = {
            (port["name"], port["protocol"])
            for pod in _selected(objects, spec["selector"])
            for container in pod["spec"]["containers"]
            for port in container.get("ports", ())
        }
        for port in spec["ports"]:
            if (port["targetPort"], port["protocol"]) not in opened:
                yield f"{name}: {port['targetPort']} is no port of its pods"


def scaling(objects: Sequence[Object]) -> Iterator[str]:
    """What scales something finds it, and nobody else says how many there are."""
    deployments = {
        each["metadata"]["name"]: each for each in of_kind(objects, "Deployment")
    }
    scaled = set()
    for kind in AUTOSCALERS:
        for each in of_kind(objects, kind):
            target = each["spec"]["scaleTargetRef"]["name"]
            scaled.add(target)
            if target not in deployments:
                yield f"{kind} {each['metadata']['name']}: there is no {target}"
    for name, deployment in deployments.items():
        if (name in scaled) is ("replicas" in deployment["spec"]):
            yield f"Deployment {name}: both or neither scaled and of a fixed size"
    for each in of_kind(objects, "PodDisruptionBudget"):
        if len({"minAvailable", "maxUnavailable"} & each["spec"].keys()) != 1:
            yield f"PodDisruptionBudget {each['metadata']['name']}: says two things"


def queries(objects: Sequence[Object]) -> Iterator[str]:
    """What Prometheus is asked for is something that a service tells."""
    for each in of_kind(objects, "ScaledObject"):
        for trigger in each["spec"]["triggers"]:
            for metric in _METRIC.findall(trigger["metadata"].get("query", "")):
                if metric not in _samples():
                    yield f"{each['metadata']['name']}: there is no metric {metric}"


def secrets(objects: Sequence[Object]) -> Iterator[str]:
    """A Secret of the release has the key that is asked for."""
    made = {
        each["metadata"]["name"]: {*each.get("data", {}), *each.get("stringData", {})}
        for each in of_kind(objects, "Secret")
    }
    for name, _, container in containers(objects):
        for variable in container.get("env", ()):
            given = variable.get("valueFrom", {}).get("secretKeyRef", {})
            if given.get("name") in made and given["key"] not in made[given["name"]]:
                yield f"{name}: Secret {given['name']} has no {given['key']}"


def policies(objects: Sequence[Object]) -> Iterator[str]:
    """Where there are policies, nothing is open that none names, and all that has to.

    Ports that a Service leads to are let in, and servers that a process is told of out.
    """
    found = list(of_kind(objects, "NetworkPolicy"))
    if not found:
        return
    for name, pod in pods(objects):
        own = [each["spec"] for each in found if _covers(each, pod)]
        closed = [spec for spec in own if not {"ingress", "egress"} & spec.keys()]
        if not any(spec["policyTypes"] == ["Ingress", "Egress"] for spec in closed):
            yield f"{name}: no policy closes it"
        inward = _named_ports(own, "ingress")
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", ()):
                if (port["name"], port["protocol"]) not in inward:
                    yield f"{name}: nobody is let in to {port['name']}"
            outward = {port for port, _ in _named_ports(own, "egress")}
            told = {each["name"] for each in container.get("env", ())}
            wanted = {"redis": 6379, "nats": 4222, "postgres": 5432}
            for setting in sorted(SERVERS.keys() & told):
                if wanted[SERVERS[setting]] not in outward:
                    yield f"{name}: is not let out to {SERVERS[setting]}"


@cache
def _samples() -> frozenset[str]:
    return frozenset(name for each in metrics.known() for name in each.samples)


def _named_ports(
    specs: Sequence[Mapping[str, Any]], direction: str
) -> set[tuple[Any, str]]:
    return {
        (port["port"], port["protocol"])
        for spec in specs
        for rule in spec.get(direction, ())
        for port in rule.get("ports", ())
    }


def _covers(policy: Object, pod: Object) -> bool:
    return _selects(policy["spec"]["podSelector"].get("matchLabels", {}), pod)


def _selected(objects: Sequence[Object], wanted: Mapping[str, str]) -> list[Object]:
    return [pod for _, pod in pods(objects) if _selects(wanted, pod)]


def _selects(wanted: Mapping[str, str], pod: Object) -> bool:
    return bool(wanted.items() <= pod["metadata"].get("labels", {}).items())
