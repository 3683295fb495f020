"""What the notifier counts has bounded labels."""

from dataclasses import dataclass

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


@dataclass(eq=False)
class Inbox:
    """What a channel has before it."""

    waiting: int


def waiting(which: str = "") -> float:
    name = f"homeport_notifier_channels_waiting_{which}events"
    return REGISTRY.get_sample_value(name) or 0


def test_what_channels_have_before_them_is_added_up_and_the_most_is_told() -> None:
    inboxes = [Inbox(waiting) for waiting in (2_000, 5_000)]
    before = waiting()
    for inbox in inboxes:
        observability.show(inbox)
    assert waiting() == before + 7_000
    assert waiting("most_") == 5_000
    for inbox in inboxes:
        observability.hide(inbox)
    assert waiting() == before
