"""The service keeps to its description, whatever callers send."""

import asyncio
import logging

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.schemas import APIOperation

from homeport.runtime.probes import Probes
from services.directory.app import service
from tests.support.directory import KEY, Site

pytestmark = pytest.mark.integration

EXAMPLES = 3
"""Calls of each route; all of them together take some seconds."""

BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
HEADERS = {"Authorization": f"Bearer {KEY}"}


def documented(operation: APIOperation) -> set[int]:
    """Return the statuses that a route is described with."""
    responses = operation.definition.raw["responses"]
    return {int(status) for status in responses if status.isdecimal()}


def fuzz(operation: APIOperation) -> list[str]:
    """Call a route in many ways; say what was answered that should not be."""
    wrong = []

    @BOUNDED
    @given(case=operation.as_strategy())
    def call(case: Case) -> None:
        answer = case.call(headers=HEADERS)
        if answer.status_code >= 500 or answer.status_code not in documented(operation):
            wrong.append(f"{answer.status_code} to {case.as_curl_command()}")

    call()
    return wrong


def fuzz_all(url: str) -> tuple[int, list[str]]:
    """Call all routes; return how many there are, and what was wrong."""
    schema = schemathesis.openapi.from_url(f"{url}/v3/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    return len(operations), [each for one in operations for each in fuzz(one)]


async def test_every_answer_is_one_that_is_described(
    opened: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    running = opened.settings.model_copy(update={"http_port": 0})
    async with service(running, Probes()) as urls:
        count, wrong = await asyncio.to_thread(fuzz_all, urls["http"])
    assert count > 70
    assert not wrong, wrong[0]
