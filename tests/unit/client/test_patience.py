"""A call is made again only where the API says when, and not for ever."""

import pytest

from homeport.client.calls import Answer
from homeport.client.patience import Patience

PATIENCE = Patience(attempts=3, longest=30)


def answer(status: int, after: str = "2") -> Answer:
    return Answer(status, headers={"retry-after": after} if after else {})


@pytest.mark.parametrize("status", [429, 503])
def test_it_comes_again_when_it_is_told_to(status: int) -> None:
    assert PATIENCE.pause(answer(status), attempt=1) == 2
    assert PATIENCE.pause(answer(status), attempt=2) == 2


@pytest.mark.parametrize("status", [200, 204, 400, 404, 409, 500, 502, 504])
def test_any_other_answer_has_to_do(status: int) -> None:
    assert PATIENCE.pause(answer(status), attempt=1) is None


def test_it_gives_up_after_so_many_attempts() -> None:
    assert PATIENCE.pause(answer(429), attempt=3) is None


def test_it_does_not_wait_for_long() -> None:
    assert PATIENCE.pause(answer(429, "30"), attempt=1) == 30
    assert PATIENCE.pause(answer(429, "31"), attempt=1) is None


def test_without_a_time_it_does_not_come_again() -> None:
    assert PATIENCE.pause(answer(503, ""), attempt=1) is None
