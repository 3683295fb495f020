"""A defect is counted and said."""

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from homeport.coap import defects


def counted() -> float:
    labels = {"where": "kitchen"}
    return REGISTRY.get_sample_value("homeport_defects_total", labels) or 0.0


def test_a_defect_is_counted_and_logged_with_its_cause() -> None:
    before, cause = counted(), ValueError("burnt")
    with capture_logs() as logged:
        defects.record(cause, where="kitchen")
    assert counted() == before + 1
    assert logged == [
        {
            "event": "defect",
            "where": "kitchen",
            "exc_info": cause,
            "log_level": "error",
        }
    ]
