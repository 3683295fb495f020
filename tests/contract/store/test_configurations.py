"""What edges may ask of bootstrap configurations and object definitions."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from homeport.errors import Unavailable
from homeport.keyring import Keyring
from homeport.names import AccountId
from homeport.protocol import paths
from homeport.protocol.configurations import Configuration, Selector
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import (
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
    Version,
)
from homeport.protocol.paths import Path
from homeport.store import configurations, definitions, keys
from homeport.store.definitions import DefinitionReader
from homeport.store.entries import BootstrapConfiguration, DefinedObject
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from tests.support.sessions import ACCOUNT, Edge, edge

pytestmark = pytest.mark.integration

KEYRING = Keyring([bytes(32)])
OTHER = AccountId("f" * 32)
METERS = Configuration(id="1" * 32, server={Path((5,)): b"secret"}, offers_pack=True)
CONFIGURED = BootstrapConfiguration(
    ACCOUNT, Selector(METERS.id, 5, "meter-*"), configurations.build(METERS)
)
KETTLE = ObjectDefinition(
    33_000,
    "Kettle",
    Version(1, 0),
    multiple=True,
    resources={
        1: ResourceDefinition(1, "Level", Operations.READ, Type.INTEGER),
    },
)
DEFINED = DefinedObject(ACCOUNT, "33000/1.0", configurations.build_definition(KETTLE))
LEVEL = paths.parse("/33000/0/1")


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


@pytest.fixture
async def writer(store: Edge) -> TrustWriter:
    made = TrustWriter(store.redis, KEYRING)
    await made.put([CONFIGURED, DEFINED])
    return made


@pytest.fixture
def reader(store: Edge) -> TrustReader:
    return TrustReader(store.redis, KEYRING)


async def test_an_account_has_its_own_configurations(
    writer: TrustWriter, reader: TrustReader
) -> None:
    found = await reader.selectors([OTHER, ACCOUNT])
    assert found == [(), (CONFIGURED.selector,)]
    assert await reader.configurations(["0" * 32, METERS.id]) == [None, METERS]
    assert await reader.selectors([]) == []
    assert await reader.configurations([]) == []


async def test_a_configuration_that_is_put_again_is_the_new_one(
    writer: TrustWriter, reader: TrustReader
) -> None:
    selector = replace(CONFIGURED.selector, priority=9)
    changed = replace(METERS, offers_pack=False)
    content = configurations.build(changed)
    await writer.put([BootstrapConfiguration(ACCOUNT, selector, content)])
    assert await reader.selectors([ACCOUNT]) == [(selector,)]
    assert await reader.configurations([METERS.id]) == [changed]


async def test_a_configuration_that_is_removed_is_gone(
    writer: TrustWriter, reader: TrustReader
) -> None:
    for _ in range(2):
        await writer.remove([CONFIGURED])
    assert await reader.selectors([ACCOUNT]) == [()]
    assert await reader.configurations([METERS.id]) == [None]


async def test_a_configuration_is_sealed(writer: TrustWriter, store: Edge) -> None:
    assert b"offers_pack" not in await store.redis.get(keys.trust(CONFIGURED.name))
    foreign = TrustReader(store.redis, Keyring([b"x" * 32]))
    with pytest.raises(Unavailable, match="trust view"):
        await foreign.configurations([METERS.id])


async def test_definitions_are_those_of_an_account_and_of_everybody(
    writer: TrustWriter, store: Edge
) -> None:
    reader = DefinitionReader(store.redis)
    assert await reader.of(OTHER) is CORE
    found = await reader.of(ACCOUNT)
    assert found.type_of(LEVEL) is Type.INTEGER
    assert found.find(3) == CORE.find(3)


async def test_definitions_are_read_again_only_when_they_have_changed(
    writer: TrustWriter, store: Edge
) -> None:
    reader = DefinitionReader(store.redis)
    before = await reader.of(ACCOUNT)
    assert await reader.of(ACCOUNT) is before
    await writer.remove([DEFINED])
    assert (await reader.of(ACCOUNT)).type_of(LEVEL) is None
    await writer.put([DEFINED])
    assert await reader.of(ACCOUNT) == before


async def test_no_more_accounts_are_remembered_than_may_be(
    writer: TrustWriter, store: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "MOST_ACCOUNTS", 1)
    await writer.put([replace(DEFINED, account=OTHER)])
    reader = DefinitionReader(store.redis)
    before = await reader.of(ACCOUNT)
    await reader.of(OTHER)
    assert await reader.of(ACCOUNT) is not before
