"""Each check finds the mistake that it is there for; most pass the API's own schema."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import chart, chart_checks
from tests.support.chart import Object

Change = Callable[[Any, Any], None]


@pytest.fixture(scope="module")
def sound() -> list[Object]:
    return chart.release("everything")


@pytest.fixture(scope="module")
def replicated() -> list[Object]:
    return chart.release("minimal")


def seeded(
    objects: list[Object], kind: str, name: str, change: Callable[[Any], None]
) -> list[str]:
    """Return what is found once one object has been changed."""
    changed = copy.deepcopy(objects)
    change(chart.named(changed, kind, name))
    return chart_checks.faults(changed)


def container(made: Any) -> Any:
    return chart.container(made)


def pod(made: Any) -> Any:
    return made["spec"]["template"]["spec"]


def put(target: Any, **changes: object) -> None:
    target.update(changes)


IN_PODS: list[tuple[Callable[[Any], object], str]] = [
    (lambda it: put(container(it)["resources"]["limits"], memory="256MB"), "quantity"),
    (lambda it: put(container(it)["resources"]["requests"], memory="9Gi"), "may have"),
    (
        lambda it: put(container(it)["ports"][0], name="coap-over-dtls-1"),
        "is no port name",
    ),
    (
        lambda it: put(container(it)["ports"][1], containerPort=5684, protocol="UDP"),
        "two ports are (5684, 'UDP')",
    ),
    (lambda it: put(container(it)["ports"][1], name="coaps"), "two ports are"),
    (lambda it: put(container(it)["ports"][0], protocol="UPD"), "UPD is no protocol"),
    (lambda it: pod(it)["volumes"].clear(), "is mounted and no volume"),
    (lambda it: container(it)["volumeMounts"].clear(), "has no /tmp"),
    (
        lambda it: put(container(it)["livenessProbe"]["httpGet"], port="health"),
        "which is no port",
    ),
    (
        lambda it: put(container(it)["livenessProbe"]["httpGet"], path="/healthz"),
        "which is no page",
    ),
    (lambda it: put(container(it), lifecycle={}), "has no preStop"),
    (lambda it: put(container(it), args=["serve", "lwm2m"]), "has no serve"),
    (lambda it: put(container(it), args=["run", "lwm2m", "--fast"]), "has no --fast"),
    (
        lambda it: container(it)["env"].append(
            {"name": "HOMEPORT_LWM2M_BATCHES", "value": "1"}
        ),
        "is no setting of it",
    ),
    (
        lambda it: container(it)["env"].append(
            {"name": "HOMEPORT_LWM2M_BATCH", "value": "4096"}
        ),
        "HOMEPORT_LWM2M_BATCH is wrong",
    ),
    (
        lambda it: container(it)["env"].append(container(it)["env"][0]),
        "is set twice",
    ),
    (
        lambda it: put(pod(it)["securityContext"], runAsUser=0),
        "runs as root",
    ),
    (
        lambda it: put(pod(it)["securityContext"], seccompProfile=None),
        "seccompProfile is None",
    ),
    (lambda it: pod(it).pop("enableServiceLinks"), "enableServiceLinks is None"),
    (lambda it: put(pod(it), hostNetwork=True), "hostNetwork is on"),
    (
        lambda it: pod(it)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        "is of the host",
    ),
    (
        lambda it: container(it)["securityContext"].pop("readOnlyRootFilesystem"),
        "readOnlyRootFilesystem is None",
    ),
    (
        lambda it: put(container(it)["securityContext"], capabilities={"drop": []}),
        "capabilities is",
    ),
    (lambda it: put(pod(it), terminationGracePeriodSeconds=120), "is killed after"),
    (
        lambda it: put(
            container(it)["lifecycle"]["preStop"]["httpGet"], path="/drain?seconds=7200"
        ),
        "may not drain",
    ),
]


@pytest.mark.parametrize(("change", "said"), IN_PODS)
def test_a_mistake_in_a_pod_is_found(
    sound: list[Object], change: Callable[[Any], None], said: str
) -> None:
    found = seeded(sound, "Deployment", "lwm2m", change)
    assert any(said in fault for fault in found), found


IN_THE_WIRING: list[tuple[str, str, Callable[[Any], object], str]] = [
    ("Service", "lwm2m-udp", lambda it: put(it["metadata"], name="UDP"), "is no name"),
    (
        "Service",
        "lwm2m-udp",
        lambda it: put(it["metadata"], name="home-homeport-lwm2m-tcp"),
        "is there 2 times",
    ),
    (
        "Deployment",
        "lwm2m",
        lambda it: put(it["metadata"]["labels"], team="a" * 64),
        "is too long",
    ),
    (
        "Deployment",
        "lwm2m",
        lambda it: put(it["spec"]["selector"]["matchLabels"], tier="edge"),
        "does not select its own pods",
    ),
    (
        "Deployment",
        "lwm2m",
        lambda it: it["spec"]["selector"]["matchLabels"].pop(
            "app.kubernetes.io/component"
        ),
        "does not select the pods of one workload",
    ),
    (
        "Service",
        "lwm2m-udp",
        lambda it: put(it["spec"]["selector"], tier="edge"),
        "does not select the pods of one workload",
    ),
    (
        "PodDisruptionBudget",
        "lwm2m",
        lambda it: put(it["spec"]["selector"]["matchLabels"], tier="edge"),
        "does not select the pods of one workload",
    ),
    (
        "NetworkPolicy",
        "lwm2m",
        lambda it: put(it["spec"]["podSelector"]["matchLabels"], tier="edge"),
        "selects nobody",
    ),
    (
        "Service",
        "lwm2m-udp",
        lambda it: put(it["spec"], externalTrafficPolicy="local"),
        "is local, none of",
    ),
    (
        "Service",
        "directory",
        lambda it: put(it["spec"], externalTrafficPolicy="Local"),
        "has no externalTrafficPolicy",
    ),
    (
        "Service",
        "lwm2m-udp",
        lambda it: it["spec"]["ports"].append(
            {"name": "x", "port": 1, "targetPort": "coaps-tcp", "protocol": "TCP"}
        ),
        "mixes protocols",
    ),
    (
        "Service",
        "lwm2m-udp",
        lambda it: put(it["spec"]["ports"][1], name="coaps"),
        "two ports have the name",
    ),
    (
        "Service",
        "lwm2m-udp",
        lambda it: put(it["spec"]["ports"][0], targetPort="dtls"),
        "is no port of its pods",
    ),
    (
        "Deployment",
        "lwm2m",
        lambda it: put(it["spec"], replicas=3),
        "both or neither",
    ),
    (
        "HorizontalPodAutoscaler",
        "lwm2m",
        lambda it: put(it["spec"]["scaleTargetRef"], name="lwm2m"),
        "there is no lwm2m",
    ),
    (
        "PodDisruptionBudget",
        "lwm2m",
        lambda it: put(it["spec"], minAvailable=1),
        "says two things",
    ),
    (
        "NetworkPolicy",
        "nothing",
        lambda it: put(it["spec"], policyTypes=["Ingress"]),
        "no policy closes it",
    ),
    (
        "NetworkPolicy",
        "lwm2m",
        lambda it: it["spec"]["ingress"][1]["ports"].pop(),
        "nobody is let in to coap-tcp",
    ),
    (
        "NetworkPolicy",
        "directory",
        lambda it: it["spec"]["egress"].pop(3),
        "is not let out to postgres",
    ),
]


@pytest.mark.parametrize(("kind", "name", "change", "said"), IN_THE_WIRING)
def test_a_mistake_between_objects_is_found(
    sound: list[Object],
    kind: str,
    name: str,
    change: Callable[[Any], None],
    said: str,
) -> None:
    found = seeded(sound, kind, name, change)
    assert any(said in fault for fault in found), found


def test_a_fixed_size_is_missed_where_nothing_scales(replicated: list[Object]) -> None:
    found = seeded(
        replicated, "Deployment", "lwm2m", lambda it: it["spec"].pop("replicas")
    )
    assert any("both or neither" in fault for fault in found)


def test_a_key_that_a_secret_of_the_release_has_not_is_found() -> None:
    found = seeded(
        chart.release("development"),
        "Secret",
        "development",
        lambda it: it["stringData"].pop("redis-url"),
    )
    assert any("has no redis-url" in fault for fault in found)


def test_a_metric_that_nobody_tells_is_found() -> None:
    objects = copy.deepcopy(chart.release("keda"))
    scaled: Any = chart.named(objects, "ScaledObject", "lwm2m")
    scaled["spec"]["triggers"][1]["metadata"]["query"] = "sum(homeport_edges)"
    assert any(
        "there is no metric homeport_edges" in fault
        for fault in chart_checks.faults(objects)
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: put(it["spec"], replica=3), "'replica' was unexpected"),
        (lambda it: put(it["spec"], minReadySeconds="10"), "is not of type"),
    ],
)
def test_what_kubernetes_does_not_take_is_found(
    sound: list[Object], change: Callable[[Any], None], said: str
) -> None:
    changed = copy.deepcopy(sound)
    change(chart.named(changed, "Deployment", "lwm2m"))
    found = chart_checks.violations(changed, "1.33")
    assert len(found) == 1
    assert said in found[0]
