"""`homeport reseal`: the older secret is needed no more, and nobody notices."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from homeport.dtls.client import DeviceKey
from homeport.errors import InvalidConfiguration
from homeport.keyring import Resealed
from homeport.runtime import resealing, schemas, services
from homeport.runtime.config import SealingSettings
from homeport.runtime.platform import identity, ready
from homeport.runtime.platform.ready import Ready
from homeport.runtime.resealing import ResealingSettings
from tests.support import edges
from tests.support.directory import ACCOUNT, Site, site
from tests.support.edges import Edge
from tests.support.keyring import SECRET_KEY
from tests.support.secured_peer import secured_peer, with_cid

pytestmark = pytest.mark.integration

NEW = "0e" * 32
BOTH = f"{NEW},{SECRET_KEY}"
ASK = bytes.fromhex("41 01 0007 aa")
NOWHERE = ("127.0.0.1", 9)
KETTLE = DeviceKey(b"urn:dev:os:kettle", b"k" * 16)


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    await schemas.migrate(postgres_url)
    async with site(redis_url, nats_url, postgres_url) as made:
        yield made


@asynccontextmanager
async def serving(opened: Site, secrets: str) -> AsyncIterator[Edge]:
    """Run a directory and an edge with some secrets, the newest first."""
    settings, secret_key = opened.settings, SecretStr(secrets)
    async with (
        opened.running(secret_key=secret_key),
        edges.edge(
            *(settings.redis_url, settings.nats_url),
            introduced=True,
            secret_key=secret_key,
        ) as here,
    ):
        yield here


def where(opened: Site, secrets: str = BOTH) -> ResealingSettings:
    settings = opened.settings
    return ResealingSettings(
        redis_url=settings.redis_url,
        postgres_url=settings.postgres_url,
        secret_key=SecretStr(secrets),
    )


async def reseal(opened: Site) -> str:
    """Run the command; return what it prints."""
    settings = opened.settings
    environment: Mapping[str, str] = {
        "HOMEPORT_REDIS_URL": settings.redis_url,
        "HOMEPORT_POSTGRES_URL": settings.postgres_url.get_secret_value(),
        "HOMEPORT_SECRET_KEY": BOTH,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "homeport", "reseal"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def test_a_device_goes_on_when_the_older_secret_is_taken_away(
    opened: Site,
) -> None:
    key = {
        "endpoint_name": KETTLE.identity.decode(),
        "secret_hex": KETTLE.key.hex(),
        "service": "lwm2m",
    }
    with secured_peer(NOWHERE) as device:
        async with serving(opened, SECRET_KEY) as edge:
            await opened.send("POST", "/v2/device-shared-keys", key, status=201)
            device.address = edge.address("coaps")
            await device.shake_hands(KETTLE, with_cid())
            answer = await device.ask(ASK)
        async with serving(opened, BOTH) as edge:
            device.address = edge.address("coaps")
            assert await device.ask(ASK) == answer
            printed = await reseal(opened)
            assert "directory in PostgreSQL: 5 of 5 sealed anew" in printed
            assert "notifier in PostgreSQL: 0 of 0 sealed anew" in printed
            assert "associations in Redis: 1 of 1 sealed anew" in printed
            assert "trust view in Redis: written anew" in printed
            again = await resealing.reseal(where(opened))
            assert again["directory in PostgreSQL"] == Resealed(found=5, anew=0)
        async with serving(opened, NEW) as edge:
            device.address = edge.address("coaps")
            assert await device.ask(ASK) == answer
            with secured_peer(edge.address("coaps")) as new:
                await new.shake_hands(KETTLE)
                assert await new.ask(ASK) == answer


async def test_a_directory_that_still_seals_with_the_older_secret_is_told_of(
    opened: Site,
) -> None:
    async with opened.running():
        with pytest.raises(InvalidConfiguration, match="give all of them the new one"):
            await resealing.rewrite_trust(where(opened))


async def test_where_no_directory_runs_the_next_one_writes_the_view(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened.running():
        pass
    counted = await resealing.reseal(where(opened))
    assert counted["directory in PostgreSQL"] == Resealed(found=4, anew=4)
    with monkeypatch.context() as hurried:
        hurried.setattr(resealing, "WAIT_SECONDS", 0.1)
        assert not await resealing.rewrite_trust(where(opened))
    async with opened.running(secret_key=SecretStr(NEW)):
        assert await opened.trust.is_written()
        assert await resealing.rewrite_trust(where(opened, NEW))


async def test_what_a_platform_has_in_its_folder_is_found(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="has no platform that serves"):
        resealing.settings(tmp_path)
    made = identity.establish(tmp_path, account_id=ACCOUNT, secret_key=BOTH)
    ready.write(
        tmp_path / ready.FILE,
        Ready(
            *(ACCOUNT, made.api_key, "http://127.0.0.1:1"),
            bootstrap={},
            lwm2m={},
            nats="nats://127.0.0.1:1",
            redis="redis://127.0.0.1:1",
            postgres="postgresql://127.0.0.1:1/homeport",
            processes={},
        ),
    )
    found = resealing.settings(tmp_path)
    assert found.redis_url == "redis://127.0.0.1:1"
    assert found.keyring.seal(b"", place="")
    assert found.secret_key.get_secret_value() == BOTH


def test_every_service_that_seals_rows_is_among_them() -> None:
    sealing = {
        name
        for name in schemas.MODULES
        if issubclass(services.load(name).SETTINGS, SealingSettings)
    }
    assert set(resealing.MODULES) == sealing
