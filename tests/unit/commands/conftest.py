"""An API that the tests play."""

import pytest

from tests.support.api import ScriptedApi


@pytest.fixture
def api() -> ScriptedApi:
    return ScriptedApi()
