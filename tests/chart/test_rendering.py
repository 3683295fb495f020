"""Whatever values are given, what Helm renders is what Kubernetes and we can run."""

import base64
import json
from typing import Any

import helm_python
import pytest

from homeport.keyring import Keyring
from homeport.names import parse_account_id
from homeport.runtime.platform import identity
from tests.support import chart, chart_checks
from tests.support.chart import CHART, RELEASE, Object, merged, release

VERSIONS = ("1.27", "1.29", "1.31", "1.33", "1.35", "1.37")


@pytest.mark.parametrize("name", chart.files())
def test_nothing_is_wrong_with_a_release(name: str) -> None:
    assert chart_checks.faults(release(name)) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", chart.files())
def test_a_version_of_kubernetes_takes_a_release(name: str, version: str) -> None:
    assert chart_checks.violations(release(name), version) == []


@pytest.mark.parametrize("name", chart.files())
def test_lint_finds_nothing(name: str) -> None:
    report = helm_python.lint(CHART, chart.values(name), strict=True)
    said = [each for each in report["messages"] if "icon" not in each["error"]]
    assert (said, report["errors"]) == ([], [])


@pytest.mark.parametrize("name", chart.files())
def test_every_service_has_the_same_shape(name: str) -> None:
    shapes = {
        json.dumps(_shape(each), sort_keys=True)
        for each in chart.of_kind(release(name), "Deployment")
        if "args" in chart.container(each)
    }
    assert len(shapes) == 1


def _shape(deployment: Object) -> list[str]:
    pod = deployment["spec"]["template"]["spec"]
    container = set(chart.container(deployment)) - {"volumeMounts"}
    return sorted({*deployment["spec"], *pod, *container} - {"replicas"})


def test_a_release_of_the_charts_name_says_it_once() -> None:
    made = chart.render(chart.values("minimal"), release="homeport")
    assert all("homeport-homeport" not in each["metadata"]["name"] for each in made)


def test_long_names_are_cut_and_stay_names() -> None:
    made = chart.render(chart.values("everything"), release="a" * 53)
    assert chart_checks.faults(made) == []
    given = {**chart.values("minimal"), "nameOverride": "b" * 63}
    assert chart_checks.faults(chart.render(given, release="a" * 53)) == []


def test_an_edge_is_drained_before_it_is_told_to_end() -> None:
    edge = chart.named(release("everything"), "Deployment", "lwm2m")
    pod = edge["spec"]["template"]["spec"]
    before = chart.container(edge)["lifecycle"]["preStop"]["httpGet"]
    assert before == {"path": "/drain?seconds=120", "port": "management"}
    assert pod["terminationGracePeriodSeconds"] == 165


def test_what_scales_leaves_the_number_of_replicas_alone() -> None:
    for name in ("everything", "keda"):
        for each in chart.of_kind(release(name), "Deployment"):
            assert "replicas" not in each["spec"]


def test_zero_and_false_come_before_the_defaults() -> None:
    made = release("little")
    edge = chart.named(made, "Deployment", "lwm2m", begin=f"{RELEASE}-devices")
    assert edge["spec"]["replicas"] == 0
    assert not [each for each in made if "bootstrap" in each["metadata"]["name"]]


def test_udp_and_tcp_are_two_services_that_keep_the_devices_address() -> None:
    for name, protocol in (("lwm2m-udp", "UDP"), ("lwm2m-tcp", "TCP")):
        spec = chart.named(release("minimal"), "Service", name)["spec"]
        assert spec["externalTrafficPolicy"] == "Local"
        assert {port["protocol"] for port in spec["ports"]} == {protocol}


def test_plain_ports_are_there_only_where_they_are_asked_for() -> None:
    for name, there in (("minimal", False), ("everything", True)):
        edge = chart.named(release(name), "Deployment", "lwm2m")
        ports = {port["name"] for port in chart.container(edge)["ports"]}
        assert ("coap" in ports) is there


def test_a_secret_that_helm_makes_is_one_that_services_take() -> None:
    (made,) = (
        each
        for each in chart.render(chart.values("urls"))
        if each["metadata"]["name"].endswith("-secrets")
    )
    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    data = {
        key: base64.b64decode(value).decode() for key, value in made["data"].items()
    }
    account = parse_account_id(data["account-id"])
    assert account == chart.values("urls")["accountId"]
    assert identity._KEY.fullmatch(data["api-key"])
    assert len(data["secret-key"]) == 64
    Keyring.parse(data["secret-key"])


def test_no_two_installations_get_the_same_secret() -> None:
    keys = {
        each["data"]["secret-key"]
        for _ in range(2)
        for each in chart.render(chart.values("urls"))
        if each["metadata"]["name"].endswith("-secrets")
    }
    assert len(keys) == 2


def test_no_secret_stands_outside_of_secrets() -> None:
    for each in release("urls"):
        if each["kind"] != "Secret":
            assert "5ecret" not in json.dumps(each)


def test_replicas_begin_anew_when_a_url_has_changed() -> None:
    given = chart.values("urls")
    changed = {**given, "postgres": {"url": "postgresql://elsewhere.example.com/x"}}
    before, after = (
        chart.named(chart.render(each), "Deployment", "expiry")["spec"]["template"]
        for each in (given, changed)
    )
    assert before["metadata"]["annotations"] != after["metadata"]["annotations"]


def test_migrations_come_before_everything_with_what_they_need() -> None:
    made = release("urls")
    job = chart.named(made, "Job", "migrate")
    secret = chart.named(made, "Secret", "migrate")
    for each in (job, secret):
        hook = each["metadata"]["annotations"]["helm.sh/hook"]
        assert hook == "pre-install,pre-upgrade"
    weights = [
        int(each["metadata"]["annotations"]["helm.sh/hook-weight"])
        for each in (secret, job)
    ]
    assert weights == sorted(weights)
    environment = chart.container(job)["env"]
    assert [each["name"] for each in environment] == ["HOMEPORT_POSTGRES_URL"]


@pytest.mark.parametrize(
    ("name", "migrates"), [("urls", "false"), ("development", "true")]
)
def test_replicas_migrate_only_where_no_job_does(name: str, migrates: str) -> None:
    made = release(name)
    assert bool(list(chart.of_kind(made, "Job"))) is (migrates == "false")
    environment = chart.container(chart.named(made, "Deployment", "notifier"))["env"]
    assert {"name": "HOMEPORT_POSTGRES_MIGRATE", "value": migrates} in environment


def test_only_the_notifier_says_whom_nats_lets_in() -> None:
    seed = "HOMEPORT_NATS_ISSUER_SEED"
    for name, there in (("everything", True), ("minimal", False)):
        for each in chart.of_kind(release(name), "Deployment"):
            told = {one["name"]: one for one in chart.container(each)["env"]}
            is_notifier = each["metadata"]["name"].endswith("-notifier")
            assert (seed in told) is (there and is_notifier)
            if seed in told:
                reference = told[seed]["valueFrom"]["secretKeyRef"]
                assert reference == {"name": "nats", "key": "nats-issuer-seed"}


@pytest.mark.parametrize(
    ("changes", "account"),
    [
        ({}, "$G"),
        ({"nats": {"issuerSecret": {"name": "nats"}}}, "HOMEPORT"),
        ({"keda": {"natsAccount": "devices"}}, "devices"),
    ],
)
def test_lag_is_asked_for_where_the_stream_is(
    changes: dict[str, Any], account: str
) -> None:
    made = chart.render(merged(chart.values("keda"), changes))
    for name in ("directory", "expiry"):
        spec = chart.named(made, "ScaledObject", name)["spec"]
        assert spec["triggers"][1]["metadata"]["account"] == account


def test_the_notifier_is_let_out_to_the_networks_that_webhooks_may_be_in() -> None:
    policy = chart.named(release("everything"), "NetworkPolicy", "notifier")
    networks = [{"ipBlock": {"cidr": each}} for each in ("10.1.0.0/16", "fd00::/8")]
    ports = [{"port": 443, "protocol": "TCP"}]
    assert {"ports": ports, "to": networks} in policy["spec"]["egress"]


def test_only_the_notifier_reaches_the_internet() -> None:
    for each in chart.of_kind(release("minimal"), "NetworkPolicy"):
        out = json.dumps(each["spec"].get("egress", []))
        name = each["metadata"]["name"]
        assert ("0.0.0.0/0" in out) is name.endswith("-notifier")


def test_dashboards_and_alerts_are_those_of_the_chart() -> None:
    made = release("everything")
    dashboards = sorted(path.name for path in (CHART / "dashboards").glob("*.json"))
    shown = [
        name
        for each in chart.of_kind(made, "ConfigMap")
        for name, content in each["data"].items()
        if json.loads(content)
    ]
    assert sorted(shown) == dashboards
    alerts = list((CHART / "alerts").glob("*.yaml"))
    rules = list(chart.of_kind(made, "PrometheusRule"))
    assert len(rules) == len(alerts)
    assert all(each["spec"]["groups"] for each in rules)
