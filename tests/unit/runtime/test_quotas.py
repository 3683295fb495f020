"""How many calls each API key may make."""

import pytest

from homeport.runtime import quotas
from homeport.runtime.quotas import Quotas


def calls(made: Quotas, count: int, *, key: str = "key", now: float = 0.0) -> int:
    """Count the calls that may be made of some that come at once."""
    return sum(made.take(key, now) == 0.0 for _ in range(count))


def test_the_calls_of_a_second_may_come_at_once() -> None:
    assert calls(Quotas(10), 100) == 10


def test_more_may_come_as_time_passes() -> None:
    made = Quotas(10)
    calls(made, 100)
    assert calls(made, 100, now=0.5) == 5
    assert calls(made, 100, now=60.0) == 10


def test_who_has_to_wait_hears_for_how_long() -> None:
    made = Quotas(10)
    calls(made, 10)
    assert made.take("key", 0.0) == pytest.approx(0.1)
    assert made.take("key", 0.05) == pytest.approx(0.05)


def test_waiting_costs_nothing() -> None:
    made = Quotas(10)
    calls(made, 1_000)
    assert calls(made, 100, now=1.0) == 10


def test_a_key_has_its_own() -> None:
    made = Quotas(10)
    calls(made, 100)
    assert calls(made, 100, key="another") == 10


def test_less_than_one_a_second_lets_one_call_through() -> None:
    made = Quotas(0.1)
    assert calls(made, 2) == 1
    assert made.take("key", 5.0) == pytest.approx(5.0)
    assert made.take("key", 10.0) == 0.0


def test_only_so_many_keys_are_remembered() -> None:
    made = Quotas(1, most_keys=2)
    for key in ("a", "b", "a", "c"):
        made.take(key, 0.0)
    assert made.take("a", 0.0) > 0
    assert made.take("b", 0.0) == 0.0


def test_no_more_keys_are_remembered_than_may_be() -> None:
    made = Quotas(1, most_keys=10)
    for number in range(1_000):
        made.take(f"{number}", 0.0)
    assert len(made) == 10


@pytest.mark.parametrize(("seconds", "text"), [(0.01, "1"), (1.0, "1"), (1.2, "2")])
def test_a_wait_is_written_in_whole_seconds(seconds: float, text: str) -> None:
    assert quotas.retry_after(seconds) == text
