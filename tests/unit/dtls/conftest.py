"""Each test of this folder frees what it has let OpenSSL hold."""

from collections.abc import Iterator

import pytest

from homeport.dtls.openssl import questions


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Count what OpenSSL holds: every way out has to free it."""
    before = questions.living()
    yield
    assert questions.living() == before
