"""The trust view: what edges and REST routes may believe, projected from PostgreSQL.

The directory writes it, everybody reads it. It is never an authority: when it is lost,
the directory writes it again.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

import orjson

from homeport.names import AccountId
from homeport.store import keys
from homeport.store.connection import Connection, reaching

Role = Literal["administrator", "operator", "reader"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What an API key may do, and for whom."""

    key_id: str
    account: AccountId
    role: Role


def digest(api_key: str) -> str:
    """Return what is stored of an API key: its SHA-256 in hex.

    A key has 128 random bits, so a fast hash gives nothing away.
    """
    return hashlib.sha256(api_key.encode()).hexdigest()


class TrustView:
    """Reads and writes of the trust view; all raise Unavailable when Redis is away."""

    def __init__(self, connection: Connection) -> None:
        self._redis = connection

    async def grant(self, api_key: str) -> Grant | None:
        """Return what a presented key may do; nothing for one we do not know."""
        with reaching():
            stored = await self._redis.get(keys.api_key(digest(api_key)))
        return Grant(**orjson.loads(stored)) if stored else None

    async def put_api_key(self, key_digest: str, grant: Grant) -> None:
        """Let a key in at once, everywhere; harmless when repeated."""
        with reaching():
            await self._redis.set(keys.api_key(key_digest), orjson.dumps(grant))

    async def remove_api_key(self, key_digest: str) -> None:
        """Shut a key out; harmless when repeated."""
        with reaching():
            await self._redis.delete(keys.api_key(key_digest))

    async def matches(self, fingerprint: str) -> bool:
        """Say whether the view is what this was put for; not when it is lost."""
        with reaching():
            stored = await self._redis.get(keys.trust_fingerprint())
        return stored == fingerprint.encode()

    async def put_fingerprint(self, fingerprint: str) -> None:
        """Say what the view is, once it is written; harmless when repeated."""
        with reaching():
            await self._redis.set(keys.trust_fingerprint(), fingerprint)
