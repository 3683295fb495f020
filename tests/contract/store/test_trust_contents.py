"""What the directory finds in the trust view when it compares it: on every store."""

from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest

from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import DeviceId, EndpointName
from homeport.protocol.configurations import Selector
from homeport.store import keys, trust_contents
from homeport.store.entries import (
    BootstrapConfiguration,
    Claim,
    DefinedObject,
    DeviceEntry,
    Entry,
    Pin,
    RegisteredKey,
    TrustedCertificate,
)
from homeport.store.memberships import Membership, Memberships
from homeport.store.scanning import scan
from homeport.store.trust import Grant, TrustView
from homeport.store.trust_contents import ApiKey, Content, contents
from homeport.store.trust_writer import TrustWriter
from tests.support.sessions import ACCOUNT, Edge, edge

pytestmark = pytest.mark.integration

KEYRING = Keyring([bytes(32)])
KEY = RegisteredKey(
    "1", Service.LWM2M, b"who", ACCOUNT, EndpointName("urn:dev:1"), b"secret"
)
CERTIFICATE = TrustedCertificate(
    id="2",
    account=ACCOUNT,
    subject="c" * 64,
    certificate=b"\x30\x00",
    service=Service.BOOTSTRAP,
    enrollment_mode=False,
    proven=True,
    active=True,
)
DEVICE = DeviceEntry(DeviceId("d" * 32), ACCOUNT, not_before=1_000)
ENTRIES: list[Entry] = [
    CERTIFICATE,
    replace(CERTIFICATE, id="3", active=False),
    Pin("4", ACCOUNT, "f" * 64),
    Claim("5", ACCOUNT, "e" * 64),
    Claim("6", ACCOUNT, "d" * 64, expires=2**42),
    DEVICE,
    BootstrapConfiguration(ACCOUNT, Selector("7"), b""),
    DefinedObject(ACCOUNT, "3303/1.1", b""),
    DefinedObject(ACCOUNT, "3304/1.0", b""),
]
API_KEY = ApiKey("a" * 64, "8", ACCOUNT)


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


@pytest.fixture
def writer(store: Edge) -> TrustWriter:
    return TrustWriter(store.redis, KEYRING)


async def found(store: Edge) -> list[Content]:
    return [content async for page in contents(store.redis) for content in page]


async def test_all_kinds_of_entries_are_found(store: Edge, writer: TrustWriter) -> None:
    view = TrustView(store.redis)
    await writer.put(ENTRIES)
    await writer.put_authority(b"authority")
    await view.put_api_key(API_KEY.digest, Grant(API_KEY.id, ACCOUNT, "reader"))
    await view.put_fingerprint("whole")
    await view.put_generation("one")
    there = await found(store)
    assert API_KEY in there
    names = [each.name for each in there if not isinstance(each, ApiKey | Membership)]
    assert sorted(names) == sorted(entry.name for entry in ENTRIES)
    places = {each.place for each in there if isinstance(each, DefinedObject)}
    assert places == {"3303/1.1", "3304/1.0"}


async def test_what_another_edition_has_written_is_found(
    store: Edge, writer: TrustWriter
) -> None:
    await writer.put([KEY, DEVICE, Pin("4", ACCOUNT, "f" * 64)])
    async for page in scan(store.redis, keys.trust("*")):
        for key in page:
            given = orjson.loads(await store.redis.get(key))
            await store.redis.set(key, orjson.dumps({**given, "later": 1}))
    assert len(await found(store)) == 3


async def test_a_shared_key_is_found_without_its_secret(
    store: Edge, writer: TrustWriter
) -> None:
    await writer.put([KEY])
    assert await found(store) == [replace(KEY, key=b"")]


async def test_what_edges_have_introduced_is_left_alone(
    store: Edge, writer: TrustWriter
) -> None:
    await writer.introduce([DEVICE])
    assert await found(store) == []
    await writer.put([DEVICE])
    assert await found(store) == [replace(DEVICE, not_before=0)]


async def test_large_groups_come_in_parts(
    store: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_contents, "BATCH", 10)
    members = {
        Membership(ACCOUNT, group, DeviceId(f"{number:032}"))
        for group in ("kettles", "pots")
        for number in range(600)
    }
    await Memberships(store.redis).put(members)
    pages = [page async for page in contents(store.redis)]
    assert {member for page in pages for member in page} == members
    assert max(map(len, pages)) == 10


async def test_an_empty_view_has_nothing(store: Edge) -> None:
    assert await found(store) == []
