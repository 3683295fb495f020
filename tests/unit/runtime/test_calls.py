"""REST calls are counted by what they were answered."""

import pytest
from prometheus_client import REGISTRY

from homeport.runtime import calls


def counted(api: str, code: str) -> float:
    labels = {"api": api, "code": code}
    return REGISTRY.get_sample_value("homeport_http_requests_total", labels) or 0


@pytest.mark.parametrize(
    ("segments", "api"),
    [(["v3", "devices"], "v3"), (["v2", "endpoints"], "v2"), (["x"], "other")],
)
def test_a_call_counts_for_its_api(segments: list[str], api: str) -> None:
    before = counted(api, "404")
    calls.record(segments, 404, 0.1)
    assert counted(api, "404") == before + 1


def test_a_path_that_nobody_serves_makes_no_label_of_its_own() -> None:
    calls.record(["made-up"], 404, 0.1)
    calls.record([], 404, 0.1)
    assert counted("made-up", "404") == 0
