"""What is said of a device that does not come home."""

from collections import Counter

import pytest

from homeport.ca import Api
from homeport.errors import Unavailable
from homeport.simulator import trial
from homeport.simulator.report import HANDSHAKE, Handshake, Report


def test_how_far_the_device_came_is_said() -> None:
    report = Report(1)
    report.handshake(Handshake.FAILED, 0)
    report.outcomes["register"] = Counter({"4.03": 2})
    with pytest.raises(Unavailable) as told:
        trial._require_home(report, "coaps://home.example:5784", seconds=30)
    assert str(told.value) == (
        "coaps://home.example:5784 is unavailable: after 30 s the device is not "
        f"registered: {HANDSHAKE} failed (1), register 4.03 (2)"
    )


def test_that_nobody_has_answered_is_said() -> None:
    with pytest.raises(Unavailable, match="nothing was answered"):
        trial._require_home(Report(1), "coaps://home.example:5784", seconds=1)


def test_a_device_that_is_home_is_well() -> None:
    report = Report(1)
    report.arrived(0)
    trial._require_home(report, "coaps://home.example:5784", seconds=1)


def test_an_api_that_is_away_is_a_sentence() -> None:
    with pytest.raises(Unavailable, match="API is unavailable"):
        list(trial.attempt(Api("http://127.0.0.1:1", "ak_1"), seconds=1))
