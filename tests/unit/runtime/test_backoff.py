"""Waits between tries double, and start over after a while of success."""

from homeport.runtime.backoff import Backoff


def test_waits_double_up_to_ten_seconds() -> None:
    backoff = Backoff()
    waits = [backoff.delay() for _ in range(9)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]


def test_half_a_minute_of_work_makes_the_next_wait_short_again() -> None:
    backoff = Backoff()
    for _ in range(9):
        backoff.delay()
    assert backoff.delay(worked_seconds=29.9) == 10
    assert backoff.delay(worked_seconds=30) == 0.1
