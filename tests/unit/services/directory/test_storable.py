"""Text that PostgreSQL takes."""

import pytest

from services.directory.storable import storable


@pytest.mark.parametrize(
    ("text", "stored"), [("a\0b", "a\ufffdb"), ("ä€", "ä€"), ("", "")]
)
def test_only_what_is_refused_is_replaced(text: str, stored: str) -> None:
    assert storable(text) == stored
