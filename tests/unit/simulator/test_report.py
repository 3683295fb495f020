"""What a fleet's report counts."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.simulator.report import STEP, Handshake, Latencies, Report


@given(
    st.lists(st.floats(min_value=0.01, max_value=1e6), min_size=1, max_size=50),
    st.sampled_from([50, 90, 99]),
)
def test_a_percentile_is_a_step_above_at_most(
    milliseconds: list[float], percent: int
) -> None:
    latencies = Latencies()
    for each in milliseconds:
        latencies.add(each)
    rank = -(-len(milliseconds) * percent // 100) - 1
    exact = sorted(milliseconds)[rank]
    assert exact - 0.006 <= latencies.percentile(percent) <= exact * STEP + 0.006


def test_a_summary_has_everything() -> None:
    report = Report(devices=2)
    report.answered("register", "2.01", 0.010)
    report.answered("register", "4.29", 0.010, repeated=2)
    report.arrived(1)
    report.unanswered("update", repeated=4)
    report.handshake(Handshake.RESUMED, 0.010)
    report.handshake(Handshake.FAILED, 0)
    summary = orjson.loads(orjson.dumps(report.summary()))
    took = pytest.approx(10, rel=0.02)
    assert summary == {
        "devices": 2,
        "home": 1,
        "operations": {
            "register": {
                "outcomes": {"2.01": 1, "4.29": 1},
                "repeated": 2,
                "p50_ms": took,
                "p90_ms": took,
                "p99_ms": took,
            },
            "update": {"outcomes": {"unanswered": 1}, "repeated": 4},
            "handshake": {
                "outcomes": {"resumed": 1, "failed": 1},
                "p50_ms": took,
                "p90_ms": took,
                "p99_ms": took,
            },
        },
    }
    assert report.operations == 5


def test_a_fleet_is_home_when_every_device_was() -> None:
    report = Report(devices=2)
    report.arrived(1)
    report.arrived(1)
    assert not report.all_home
    report.arrived(2)
    assert report.all_home
