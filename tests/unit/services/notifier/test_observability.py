"""What the notifier counts has bounded labels."""

from prometheus_client import REGISTRY

from services.notifier import observability


def closed(code: str) -> float:
    name = "homeport_notifier_sockets_closed_total"
    return REGISTRY.get_sample_value(name, {"code": code}) or 0


def test_a_code_that_a_client_makes_up_is_counted_as_other() -> None:
    other = closed("other")
    observability.record_socket_closed("channel", 4_711)
    assert closed("other") == other + 1
    assert closed("4711") == 0


def test_a_code_of_the_protocol_is_counted_as_itself() -> None:
    gone = closed("1001")
    observability.record_socket_closed("channel", 1_001)
    assert closed("1001") == gone + 1
