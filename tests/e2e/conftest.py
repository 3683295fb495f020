"""One platform for all tests that leave it as it was."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.background import Background
from tests.support.peer import Peer, peer
from tests.support.servers import folder
from tests.support.system import Application, System, system


@pytest.fixture(scope="session")
def shared(elsewhere: Background) -> Iterator[System]:
    """A platform on which registrations end with their lifetime.

    Handshakes that lead to nothing are given up soon, and accounts are known soon. Its
    API is there with TLS, too.
    """
    settings = {
        "HOMEPORT_EXPIRY_GRACE_SECONDS": "0",
        "HOMEPORT_HANDSHAKE_SECONDS": "4",
        "HOMEPORT_TRUST_POLL_SECONDS": "0.5",
    }
    with (
        folder() as data,
        elsewhere.entered(system(data, "--nosec", "--https", **settings)) as serving,
    ):
        yield serving


@pytest.fixture
async def application(shared: System) -> AsyncIterator[Application]:
    """An application that is told what happens during the test."""
    async with shared.application() as opened:
        yield opened


@pytest.fixture
def device() -> Iterator[Peer]:
    """A device that a test plays."""
    with peer() as opened:
        yield opened
