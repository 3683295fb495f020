"""Alerts ask for what there is, fire when they should, and say what to do."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import promql, promtool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "k8s" / "homeport" / "alerts"
PAGE = ROOT / "docs" / "operations" / "alerts.md"
SEVERITIES = frozenset({"critical", "warning"})
EDGE = 'service="lwm2m",instance="edge-1"'


def rules() -> Iterator[Mapping[str, Any]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


RULES = {rule["alert"]: rule for rule in rules()}


@dataclass(frozen=True, slots=True)
class Case:
    """What makes an alert fire: samples a minute apart, in promtool's notation.

    It does not at ``before``, it does at ``then``, both in minutes.
    """

    alert: str
    samples: Mapping[str, str]
    before: int
    then: int
    labels: Mapping[str, str] = field(default_factory=dict)


LWM2M = {"service": "lwm2m", "instance": "edge-1"}
CASES = [
    Case("HomeportDevicesLockedOut", {"homeport_expiry_outage": "0x5 1x10"}, 6, 8),
    Case(
        "HomeportRegistrationsFell", {"homeport_registrations": "100x40 70x30"}, 42, 50
    ),
    Case(
        "HomeportHandshakesFail",
        {
            'homeport_dtls_handshakes_total{result="full"}': "0+20x60",
            'homeport_dtls_handshakes_total{result="failed"}': "0x20 0+30x40",
        },
        20,
        55,
    ),
    Case(
        "HomeportHandshakesFull",
        {f'homeport_dtls_dropped_total{{reason="full",{EDGE}}}': "0x10 0+60x20"},
        10,
        20,
        LWM2M,
    ),
    Case(
        "HomeportDevicesHeld",
        {
            'homeport_lwm2m_operations_total{result="held"}': "0x20 0+50x60",
            'homeport_lwm2m_operations_total{result="done"}': "0+100x80",
        },
        20,
        60,
    ),
    Case(
        "HomeportRequestsDropped",
        {'homeport_lwm2m_dropped_total{reason="store"}': "0x10 0+600x20"},
        11,
        20,
        {"reason": "store"},
    ),
    Case(
        "HomeportDatagramsDropped",
        {f"homeport_udp_dropped_datagrams_total{{{EDGE}}}": "0x10 0+600x20"},
        11,
        20,
        LWM2M,
    ),
    Case(
        "HomeportCertificateEnds",
        {
            'homeport_certificate_expiry_timestamp_seconds{certificate="issuer"}': (
                "2595600x200"
            )
        },
        50,
        150,
        {"certificate": "issuer"},
    ),
    Case(
        "HomeportEventsWait",
        {"homeport_outbox_oldest_age_seconds": "0x5 0+60x10"},
        7,
        12,
    ),
    Case(
        "HomeportRefreshesReplaced",
        {"homeport_outbox_replaced_events": "7x20 8x20"},
        20,
        22,
    ),
    Case(
        "HomeportStreamNearlyFull",
        {
            "homeport_stream_size_bytes": "70x10 81x20",
            "homeport_stream_limit_bytes": "100x40",
        },
        10,
        20,
    ),
    Case(
        "HomeportReaderBehind",
        {'homeport_stream_oldest_age_seconds{reader="directory"}': "1x5 0+60x20"},
        9,
        18,
        {"reader": "directory"},
    ),
    Case(
        "HomeportDirectoryFaults",
        {"homeport_directory_faults_total": "3x10 3+1x20"},
        12,
        20,
    ),
    Case(
        "HomeportUnreadableEvents",
        {
            "homeport_directory_unreadable_total": "0x10 1x20",
            "homeport_expiry_unreadable_total": "0x40",
            "homeport_notifier_unreadable_total": "0x40",
        },
        10,
        13,
    ),
    Case(
        "HomeportChannelsFail", {"homeport_notifier_channels_failing": "1x30"}, 10, 20
    ),
    Case(
        "HomeportChannelFarBehind",
        {"homeport_notifier_channels_oldest_age_seconds": "43000x5 43300x20"},
        10,
        15,
    ),
    Case(
        "HomeportChannelRemoved",
        {"homeport_notifier_channels_removed_total": "0x10 1x20"},
        10,
        13,
    ),
    Case(
        "HomeportEventsDropped",
        {"homeport_notifier_events_dropped_total": "0x10 7x60"},
        10,
        13,
    ),
    Case(
        "HomeportCallsFail",
        {
            'homeport_http_requests_total{api="v3",code="200"}': "0+90x30",
            'homeport_http_requests_total{api="v3",code="503"}': "0x10 0+10x20",
        },
        10,
        25,
        {"api": "v3"},
    ),
    Case(
        "HomeportServiceMissing",
        {
            f'homeport_ready{{service="{name}"}}': "1x30"
            for name in ("lwm2m", "bootstrap", "directory", "expiry")
        }
        | {'homeport_ready{service="notifier"}': "1x10 _x20"},
        12,
        22,
        {"service": "notifier"},
    ),
    Case("HomeportNotReady", {f"homeport_ready{{{EDGE}}}": "1x5 0x20"}, 10, 18, LWM2M),
    Case(
        "HomeportServerAway",
        {f'homeport_check_passed{{check="nats",{EDGE}}}': "1x5 0x10"},
        6,
        10,
        {"check": "nats"},
    ),
    Case(
        "HomeportDefects",
        {'homeport_defects_total{where="dtls"}': "_x10 1x20"},
        9,
        12,
        {"where": "dtls"},
    ),
    Case(
        "HomeportLoopPauses",
        {
            f'homeport_loop_pause_seconds_bucket{{le="0.25",{EDGE}}}': "0+90x40",
            f'homeport_loop_pause_seconds_bucket{{le="1",{EDGE}}}': "0+100x40",
            f'homeport_loop_pause_seconds_bucket{{le="+Inf",{EDGE}}}': "0+100x40",
        },
        5,
        20,
        LWM2M,
    ),
    Case(
        "HomeportSaturated",
        {
            f"process_cpu_seconds_total{{{EDGE}}}": "0x10 0+55x40",
            'process_cpu_seconds_total{service="other",instance="1"}': "0+60x60",
            f"homeport_ready{{{EDGE}}}": "1x60",
        },
        20,
        40,
        LWM2M,
    ),
    Case(
        "HomeportFilesNearlyOut",
        {
            f"process_open_fds{{{EDGE}}}": "100x5 900x20",
            f"process_max_fds{{{EDGE}}}": "1000x30",
            f"homeport_ready{{{EDGE}}}": "1x30",
        },
        8,
        15,
        LWM2M,
    ),
    Case(
        "HomeportVersionsMixed",
        {
            'homeport_build_info{version="1",instance="1"}': "1x100",
            'homeport_build_info{version="2",instance="2"}': "1x100",
        },
        30,
        70,
    ),
]


def alert(case: Case) -> str:
    return case.alert


def test_every_alert_has_a_case() -> None:
    assert [case.alert for case in CASES] == list(RULES)


@pytest.mark.parametrize("name", RULES)
def test_it_asks_only_for_metrics_and_labels_that_exist(name: str) -> None:
    assert promql.faults([RULES[name]["expr"]]) == []


@pytest.mark.parametrize("name", RULES)
def test_it_says_how_bad_it_is_and_what_is_wrong(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert not rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"].endswith(".")


@pytest.mark.parametrize("name", RULES)
def test_the_page_says_what_to_do(name: str) -> None:
    path, _, anchor = RULES[name]["annotations"]["runbook"].partition("#")
    assert ROOT / path == PAGE
    assert anchor == name.lower()
    assert re.search(rf"^## {name}$", PAGE.read_text(), re.MULTILINE)


def test_the_page_names_no_alert_that_is_not_there() -> None:
    assert re.findall(r"^## (Homeport\w+)$", PAGE.read_text(), re.MULTILINE) == [*RULES]


@promtool.needed
def test_prometheus_accepts_the_rules() -> None:
    for path in FOLDER.glob("*.yaml"):
        promtool.run("check", "rules", path)


@promtool.needed
@pytest.mark.parametrize("case", CASES, ids=alert)
def test_it_fires_when_it_should_and_not_before(case: Case, tmp_path: Path) -> None:
    firing = {
        "alertname": case.alert,
        "alertstate": "firing",
        "severity": RULES[case.alert]["labels"]["severity"],
        **case.labels,
    }
    labels = ",".join(f'{label}="{value}"' for label, value in firing.items())
    question = f'ALERTS{{alertname="{case.alert}",alertstate="firing"}}'
    test = {
        "interval": "1m",
        "input_series": [
            {"series": series, "values": values}
            for series, values in case.samples.items()
        ],
        "promql_expr_test": [
            {"expr": question, "eval_time": f"{case.before}m", "exp_samples": []},
            {
                "expr": question,
                "eval_time": f"{case.then}m",
                "exp_samples": [{"labels": f"ALERTS{{{labels}}}", "value": 1}],
            },
        ],
    }
    path = tmp_path / "test.yaml"
    files = [str(file) for file in FOLDER.glob("*.yaml")]
    path.write_text(
        json.dumps({"rule_files": files, "evaluation_interval": "1m", "tests": [test]})
    )
    promtool.run("test", "rules", path)
