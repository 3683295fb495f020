"""The installation's own certificates are made once, and kept sealed."""

import asyncio
from collections.abc import Mapping

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import InvalidConfiguration
from homeport.identity import Service
from homeport.keyring import Keyring, new_secret
from homeport.pki import servers
from services.directory.credentials import authority_store
from services.directory.credentials.authorities import Held, Name, hosts_of
from services.directory.credentials.authority_store import AuthorityStore
from services.directory.schema import authorities, trust_changes

pytestmark = pytest.mark.integration

OLD, NEW = new_secret(), new_secret()
KEYRING = Keyring.parse(OLD)
HOSTS = dict.fromkeys(Service, hosts_of("coaps://home.example:5684"))


async def kept(engine: AsyncEngine, keyring: Keyring = KEYRING) -> Mapping[Name, Held]:
    async with engine.connect() as connection:
        return await authority_store.read(connection, keyring)


async def told(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list(await connection.scalars(select(trust_changes.c.kind)))


async def test_replicas_that_start_together_make_them_once(engine: AsyncEngine) -> None:
    store = AuthorityStore(engine, KEYRING, HOSTS)
    await asyncio.gather(*(store.establish() for _ in range(5)))
    first = await kept(engine)
    assert set(first) == set(Name)
    assert await told(engine) == ["authority"]
    await store.establish()
    assert await kept(engine) == first


async def test_another_name_makes_another_server_certificate(
    engine: AsyncEngine,
) -> None:
    await AuthorityStore(engine, KEYRING, HOSTS).establish()
    first = await kept(engine)
    moved = HOSTS | {Service.LWM2M: hosts_of("coaps://moved.example:5684")}
    await AuthorityStore(engine, KEYRING, moved).establish()
    now = await kept(engine)
    assert "moved.example" in servers.hosts(now[Name.LWM2M].certificate)
    assert now == first | {Name.LWM2M: now[Name.LWM2M]}
    assert await told(engine) == ["authority", "authority"]


async def test_no_key_lies_open(engine: AsyncEngine) -> None:
    await AuthorityStore(engine, KEYRING, HOSTS).establish()
    keys = {held.key for held in (await kept(engine)).values()}
    async with engine.connect() as connection:
        rows = (await connection.execute(select(authorities))).all()
    assert len(keys) == 4
    assert all(key and key not in row.private_key for key in keys for row in rows)


async def test_another_secret_stops_the_start(engine: AsyncEngine) -> None:
    await AuthorityStore(engine, KEYRING, HOSTS).establish()
    stranger = AuthorityStore(engine, Keyring.parse(NEW), HOSTS)
    with pytest.raises(InvalidConfiguration, match="HOMEPORT_SECRET_KEY"):
        await stranger.establish()


async def test_a_secret_that_was_rotated_still_opens(engine: AsyncEngine) -> None:
    await AuthorityStore(engine, KEYRING, HOSTS).establish()
    rotated = Keyring.parse(f"{NEW},{OLD}")
    await AuthorityStore(engine, rotated, HOSTS).establish()
    assert await kept(engine, rotated) == await kept(engine)


async def test_a_host_that_is_none_stops_the_start(engine: AsyncEngine) -> None:
    hosts = HOSTS | {Service.LWM2M: ("h\N{LATIN SMALL LETTER O WITH DIAERESIS}me",)}
    with pytest.raises(InvalidConfiguration, match="server certificates"):
        await AuthorityStore(engine, KEYRING, hosts).establish()
