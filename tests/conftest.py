"""The servers that all tests share; each test finds them empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from homeport.runtime.embedded import EmbeddedServers
from tests.support import servers
from tests.support.background import Background, background
from tests.support.cluster import cluster
from tests.support.keyring import SECRET_KEY
from tests.support.servers import folder

settings.register_profile("shared", deadline=None)  # others use this machine too
settings.load_profile("shared")


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The secret of the installation, as services read it."""
    monkeypatch.setenv("HOMEPORT_SECRET_KEY", SECRET_KEY)
    return SECRET_KEY


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A folder that another user can be let into, for a platform's data."""
    with folder() as made:
        yield made


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Background]:
    """A loop for servers that outlive the loops of the tests."""
    with background() as made:
        yield made


@pytest.fixture(scope="session")
def embedded(
    elsewhere: Background,
) -> Iterator[EmbeddedServers]:
    """PostgreSQL, Valkey and NATS as `homeport up` starts them."""
    with folder() as data, elsewhere.entered(EmbeddedServers(data)) as started:
        yield started


@pytest.fixture(scope="session")
def cluster_nodes(
    elsewhere: Background,
) -> Iterator[list[str]]:
    """The nodes of a Valkey cluster."""
    with folder() as data, elsewhere.entered(cluster(data)) as nodes:
        yield nodes


@pytest.fixture
def redis_url(elsewhere: Background, embedded: EmbeddedServers) -> str:
    """A Valkey that holds nothing."""
    elsewhere.run(servers.empty_redis(embedded.redis_url))
    return embedded.redis_url


@pytest.fixture
def redis_cluster_url(elsewhere: Background, cluster_nodes: list[str]) -> str:
    """A Valkey cluster that holds nothing."""
    for url in cluster_nodes:
        elsewhere.run(servers.empty_redis(url))
    return cluster_nodes[0]


@pytest.fixture
def nats_url(elsewhere: Background, embedded: EmbeddedServers) -> str:
    """A NATS without streams."""
    elsewhere.run(servers.empty_nats(embedded.nats_url))
    return embedded.nats_url


@pytest.fixture
def postgres_url(elsewhere: Background, embedded: EmbeddedServers) -> Iterator[str]:
    """A database without tables."""
    database = elsewhere.run(servers.make_database(embedded.postgres_url))
    yield database
    elsewhere.run(servers.drop_database(embedded.postgres_url, database))
