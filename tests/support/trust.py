"""The trust view, as the directory of an installation writes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache

from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.pki import authorities, installation
from homeport.pki.authorities import Authority
from homeport.pki.installation import Installation
from homeport.store import connection
from homeport.store.trust_writer import TrustWriter
from tests.support.keyring import SECRET_KEY

KEYRING = Keyring.parse(SECRET_KEY)


@cache
def ours() -> Installation:
    """Make what the directory makes at its first start."""
    root = authorities.create_root("Test root")
    servers = {
        service: authorities.create_server(root, ["127.0.0.1"]) for service in Service
    }
    return Installation(root.certificate.der, issuer().export(), servers)


@cache
def issuer() -> Authority:
    """Make the CA of the certificates that bootstrap hands out."""
    return authorities.create_issuer("Test issuer", now=datetime.now(UTC))


@asynccontextmanager
async def writer(redis_url: str) -> AsyncIterator[TrustWriter]:
    """Write what a test wants to be trusted."""
    redis = await connection.connect(redis_url)
    try:
        yield TrustWriter(redis, KEYRING)
    finally:
        await redis.aclose()


async def introduce(redis_url: str) -> None:
    """Let the edges know who they are: they wait for it."""
    async with writer(redis_url) as writing:
        await writing.put_authority(installation.build(ours()))
