"""`homeport keys` says when a key was last used."""

from datetime import UTC, datetime

import pytest

from homeport.client.accounts import ApiKey
from homeport.commands.keys import last_used


@pytest.mark.parametrize(
    ("told", "time"),
    [(0, None), (1764072000000, datetime(2025, 11, 25, 12, tzinfo=UTC))],
)
def test_a_key_was_used_at_some_time_or_never(told: int, time: datetime | None) -> None:
    assert last_used(ApiKey(id="1", last_login_time=told)) == time
