"""An API that the tests play, and a client of it."""

from collections.abc import Iterator

import pytest

from homeport.client import Client
from tests.support.api import ScriptedApi


@pytest.fixture
def api() -> ScriptedApi:
    return ScriptedApi()


@pytest.fixture
def client(api: ScriptedApi) -> Iterator[Client]:
    with api.client() as made:
        yield made
