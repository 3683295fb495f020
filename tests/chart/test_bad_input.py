"""Wrong values end the rendering, with the value's name and what to do about it."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support import chart
from tests.support.chart import Refused, merged


def refusal(changes: Mapping[str, Any], *, upgrade: bool = False) -> str:
    with pytest.raises(Refused) as told:
        chart.render(merged(chart.values("minimal"), changes), upgrade=upgrade)
    return str(told.value)


NO_SECRET = {"secrets": {"existingSecret": ""}}
NO_NAME = {"name": ""}
KEDA = {"kind": "keda"}
OFF = {"enabled": False}
NO_DISK: Mapping[str, Any] = {"emptyDir": {}}
MOUNTED = {"name": "ca", "mountPath": "/etc/ca"}


@pytest.mark.parametrize(
    ("changes", "name", "remedy"),
    [
        (NO_SECRET, "secrets.existingSecret is not set", "secrets.generate=true"),
        (
            {"secrets": {"generate": True}},
            "secrets.generate and secrets.existingSecret",
            "leave one",
        ),
        ({"accountId": "0" * 32}, "accountId is set", "leave accountId empty"),
        (
            {"redis": {"existingSecret": {"name": ""}}},
            "redis.url is not set",
            "development.enabled=true",
        ),
        (
            {"nats": {"url": "nats://nats:4222"}},
            "nats.url and nats.existingSecret.name",
            "leave one",
        ),
        (
            {"postgres": {"url": "mysql://db/x", "existingSecret": {"name": ""}}},
            "postgres.url does not begin with postgresql:// or postgres://",
            "give the whole URL",
        ),
        (
            {"redis": {"url": "redis://redis:6380/0", "existingSecret": {"name": ""}}},
            "redis.url has port 6380",
            "networkPolicies.redis.ports",
        ),
        (
            {"postgres": {"url": "postgresql://u:p#@db/x", "existingSecret": NO_NAME}},
            "postgres.url has a space, # or a second @",
            "as %XX",
        ),
        (
            {"nats": {"url": "nats://u:p@ss@nats", "existingSecret": NO_NAME}},
            "nats.url has a space, # or a second @",
            "%40 for @",
        ),
        (
            {"settings": {"HOMEPORT_TRACES_URL": "http://collector:4317"}},
            "HOMEPORT_TRACES_URL has port 4317",
            "networkPolicies.traces.ports",
        ),
        (
            {"settings": {"HOMEPORT_WEBHOOK_NETWORKS": "10.1.0.0/16,10.2.0.1"}},
            'HOMEPORT_WEBHOOK_NETWORKS has "10.2.0.1"',
            "192.0.2.7/32",
        ),
        (
            {"addresses": {"lwm2m": ""}},
            "addresses.lwm2m is not set",
            "coaps://lwm2m.example.com:5684",
        ),
        (
            {"addresses": {"lwm2m": "coaps://lwm2m.example.com:99999"}},
            "addresses.lwm2m is coaps://lwm2m.example.com:99999",
            "up to 65535",
        ),
        (
            {"addresses": {"lwm2m": "coaps://bootstrap.example.com:5784"}},
            "addresses.lwm2m and addresses.bootstrap are both coaps://bootstrap",
            "of its own",
        ),
        (
            {
                "nosec": True,
                "addresses": {"lwm2mPlain": "coap://lwm2m.example.com:5684"},
                "services": {"lwm2m": {"service": {"ports": {"coap": 5684}}}},
            },
            "services.lwm2m.service.ports.coaps and coap are both 5684",
            "of its own",
        ),
        (
            {"addresses": {"bootstrap": "coaps://127.0.0.1:5784"}},
            "addresses.bootstrap is coaps://127.0.0.1:5784",
            "load balancer",
        ),
        (
            {"nosec": True},
            "addresses.lwm2mPlain is not set",
            "set nosec=false",
        ),
        (
            {"services": {"bootstrap": {"enabled": False}}},
            "test.enabled is true and services.bootstrap.enabled is not",
            "test.enabled=false",
        ),
        (
            {"services": {"directory": {"enabled": False}}},
            "test.enabled is true and services.directory.enabled is not",
            "test.enabled=false",
        ),
        (
            {"defaults": {"extraEnv": [{"name": "HOMEPORT_NOSEC", "value": "true"}]}},
            "services.lwm2m.extraEnv has HOMEPORT_NOSEC",
            "take it out",
        ),
        (
            {"services": {"expiry": {"extraVolumes": [{"name": "tmp", **NO_DISK}]}}},
            "services.expiry.extraVolumes has tmp",
            "another name",
        ),
        (
            {"services": {"notifier": {"extraVolumeMounts": [MOUNTED]}}},
            "services.notifier.extraVolumeMounts has ca",
            "add it to extraVolumes",
        ),
        (
            {
                "services": {
                    "lwm2m": {"autoscaling": {"kind": "hpa", "minReplicas": 20}}
                }
            },
            "services.lwm2m.autoscaling.minReplicas is 20",
            "raise maxReplicas",
        ),
        (
            {
                "defaults": {"resources": {"requests": {"cpu": None}}},
                "services": {
                    "lwm2m": {
                        "autoscaling": {"kind": "hpa"},
                        "resources": {"requests": {"cpu": None}},
                    }
                },
            },
            "services.lwm2m.resources.requests.cpu is not set",
            "set it",
        ),
        (
            {"services": {"expiry": {"autoscaling": KEDA}}},
            "keda.natsMonitoringEndpoint is not set",
            "nats-headless.nats.svc:8222",
        ),
        (
            {"services": {"lwm2m": {"autoscaling": KEDA}}},
            "keda.prometheusAddress is not set",
            "http://prometheus",
        ),
        (
            {"defaults": {"strategy": {"maxSurge": 0}}},
            "strategy.maxSurge and maxUnavailable are both 0",
            "maxSurge=1",
        ),
        (
            {"ingress": {"enabled": True}},
            "ingress.host is not set",
            "ingress.enabled=false",
        ),
        (
            {
                "ingress": {"enabled": True, "host": "api.example.com"},
                "services": {"directory": OFF, "notifier": OFF},
                "test": OFF,
            },
            "ingress.enabled is true, and neither services.directory nor",
            "ingress.enabled=false",
        ),
        (
            {"httpRoute": {"enabled": True}},
            "httpRoute.parentRefs is empty",
            "name the Gateway",
        ),
        (
            {"certificate": {"enabled": True}},
            "certificate.issuer.name is not set",
            "certificate.enabled=false",
        ),
        (
            {"certificate": {"enabled": True, "issuer": {"name": "ca"}}},
            "certificate.hosts is empty",
            "ingress.host",
        ),
    ],
)
def test_values_that_are_wrong_together_are_named_with_the_remedy(
    changes: Mapping[str, Any], name: str, remedy: str
) -> None:
    said = refusal(changes)
    assert name in said
    assert remedy in said


def test_a_secret_that_is_gone_is_not_made_anew_by_an_upgrade() -> None:
    generated = {**NO_SECRET, "secrets": {"existingSecret": "", "generate": True}}
    assert chart.render(merged(chart.values("minimal"), generated))
    said = refusal(generated, upgrade=True)
    assert "Secret home-homeport-secrets of the installation is gone" in said
    assert "name another in secrets.existingSecret" in said


def test_a_password_in_a_url_that_is_refused_is_not_told() -> None:
    url = "mysql://homeport:5ecret@db.example.com/homeport"
    said = refusal({"postgres": {"url": url, "existingSecret": {"name": ""}}})
    assert "5ecret" not in said


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"replicas": 3}, "", "replicas"),
        ({"services": {"lwm2m": {"replica": 3}}}, "/services/lwm2m", "replica"),
        ({"services": {"lwm3m": {}}}, "/services", "lwm3m"),
        ({"defaults": {"replicas": "3"}}, "/defaults/replicas", "want integer"),
        (
            {"settings": {"HOMEPORT_LOG_LEVL": "info"}},
            "/settings",
            "HOMEPORT_LOG_LEVL",
        ),
        (
            {"settings": {"HOMEPORT_REDIS_URL": "redis://x"}},
            "/settings",
            "HOMEPORT_REDIS_URL",
        ),
        (
            {"settings": {"HOMEPORT_BUCKETS": 0}},
            "/settings/HOMEPORT_BUCKETS",
            "minimum",
        ),
        (
            {"services": {"expiry": {"settings": {"HOMEPORT_LWM2M_BATCH": 1}}}},
            "/services/expiry/settings",
            "HOMEPORT_LWM2M_BATCH",
        ),
        (
            {"services": {"lwm2m": {"resources": {"limits": {"memory": "1GB"}}}}},
            "/services/lwm2m/resources/limits/memory",
            "pattern",
        ),
        (
            {"addresses": {"lwm2m": "lwm2m.example.com"}},
            "/addresses/lwm2m",
            "pattern",
        ),
        (
            {"services": {"lwm2m": {"service": {"externalTrafficPolicy": "local"}}}},
            "/services/lwm2m/service/externalTrafficPolicy",
            "must be one of",
        ),
        ({"image": {"digest": "latest"}}, "/image/digest", "pattern"),
        ({"podSecurity": {"runAsUser": 0}}, "/podSecurity/runAsUser", "minimum"),
        ({"defaults": {"shutdownSeconds": 5}}, "/defaults/shutdownSeconds", "minimum"),
        ({"fullnameOverride": "Home_Port"}, "/fullnameOverride", "pattern"),
        ({"image": {"repository": "homeport:0.1.0"}}, "/image/repository", "pattern"),
        ({"ingress": {"host": "https://api.example.com"}}, "/ingress/host", "pattern"),
        (
            {"nats": {"existingSecret": {"name": "My NATS"}}},
            "/nats/existingSecret/name",
            "pattern",
        ),
        ({"nats": {"issuerSeed": "SA"}}, "/nats", "issuerSeed"),
        (
            {"settings": {"HOMEPORT_NATS_ISSUER_SEED": "SA"}},
            "/settings",
            "HOMEPORT_NATS_ISSUER_SEED",
        ),
        (
            {"settings": {"HOMEPORT_NATS_PUBLIC_URL": "nats.example.com"}},
            "/settings/HOMEPORT_NATS_PUBLIC_URL",
            "pattern",
        ),
        (
            {"networkPolicies": {"api": {"from": [{"cidr": "10.0.0.0/8"}]}}},
            "/networkPolicies/api/from/0",
            "cidr",
        ),
        (
            {"networkPolicies": {"redis": {"to": [{"ipBlock": {"cidr": "10.0.0.1"}}]}}},
            "/networkPolicies/redis/to/0/ipBlock/cidr",
            "pattern",
        ),
        (
            {"defaults": {"extraEnv": [{"name": "HTTPS_PROXY", "value": 3128}]}},
            "/defaults/extraEnv/0/value",
            "want string",
        ),
        ({"services": {"lwm2m": None}}, "/services", "lwm2m"),
    ],
)
def test_a_value_that_is_none_is_named(
    changes: Mapping[str, Any], path: str, said: str
) -> None:
    told = refusal(changes)
    assert f"at '{path}'" in told
    assert said in told
