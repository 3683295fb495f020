"""Times that are compared are Redis' own."""

import pytest

from homeport.store.clock import StoreClock


def test_a_monotonic_moment_becomes_redis_time() -> None:
    clock = StoreClock(lambda: 50.0)
    clock.learn(1_700_000_000_000_000, asked=40.0)
    assert clock.microseconds(41.5) == 1_700_000_000_000_000 + 1_500_000


def test_the_newest_answer_counts() -> None:
    clock = StoreClock(lambda: 50.0)
    clock.learn(5_000_000, asked=1.0)
    clock.learn(9_000_000, asked=2.0)
    assert clock.microseconds(2.0) == 9_000_000


def test_a_clock_that_was_never_learned_says_so() -> None:
    with pytest.raises(ValueError, match="learned"):
        StoreClock(lambda: 0.0).microseconds(1.0)
