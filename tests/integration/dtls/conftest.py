"""Flights that are said again soon, for handshakes that have to repeat some."""

import pytest

from homeport.dtls import flights


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "FIRST_WAIT_SECONDS", 0.05)
