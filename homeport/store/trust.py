"""The trust view: what edges and REST routes may believe, projected from PostgreSQL.

The directory writes it, everybody reads it. It is never an authority: when it is lost,
the directory writes it again.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from homeport.names import AccountId
from homeport.store import keys
from homeport.store.connection import Connection, reaching

NOTED_MILLISECONDS = 60_000
"""A key that is used all the time is written down that often."""

Role = Literal["administrator", "operator", "reader"]

_API_KEY_ID = "api-key-id:"


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


def api_key_name(key_id: str) -> str:
    """Name what changes when a key is shut out, as `TrustChanges` tells it."""
    return f"{_API_KEY_ID}{key_id}"


def api_key_id(name: str) -> str:
    """Return the id of the API key that a name is of; '' for others."""
    return name.removeprefix(_API_KEY_ID) if name.startswith(_API_KEY_ID) else ""


class TrustView:
    """Reads and writes of the trust view; all raise Unavailable when Redis is away."""

    def __init__(self, connection: Connection) -> None:
        self._redis = connection
        self._noted: dict[str, int] = {}

    async def grant(self, api_key: str) -> Grant | None:
        """Return what a presented key may do; nothing for one we do not know.

        That it was used is written down, once a minute.
        """
        with reaching():
            stored = await self._redis.get(keys.api_key(digest(api_key)))
        if not stored:
            return None
        grant = Grant(**orjson.loads(stored))
        now = time.time_ns() // 1_000_000
        if now - self._noted.get(grant.key_id, 0) >= NOTED_MILLISECONDS:
            self._noted[grant.key_id] = now
            with reaching():
                await self._redis.hset(keys.api_keys_used(), grant.key_id, str(now))
        return grant

    async def used(self) -> dict[str, int]:
        """Return when keys were last used, in milliseconds since 1970, by their ids."""
        with reaching():
            found: dict[Any, Any] = await self._redis.hgetall(keys.api_keys_used())
        return {identity.decode(): int(when) for identity, when in found.items()}

    async def put_api_key(self, key_digest: str, grant: Grant) -> None:
        """Let a key in at once, everywhere; harmless when repeated."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.set(keys.api_key(key_digest), orjson.dumps(grant))
        pipeline.set(keys.trust(api_key_name(grant.key_id)), "")
        with reaching():
            await pipeline.execute()

    async def remove_api_key(self, key_digest: str, key_id: str) -> None:
        """Shut a key out, and tell those who serve it; harmless when repeated."""
        name = api_key_name(key_id)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.delete(keys.api_key(key_digest))
        pipeline.delete(keys.trust(name))
        with reaching():
            await pipeline.execute()
            await self._redis.publish(keys.trust_changes(), orjson.dumps([name]))

    async def missing_keys(self, key_ids: Sequence[str]) -> frozenset[str]:
        """Return those of some keys' ids that nobody may come with.

        None is missing while the view is not written whole.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.exists(keys.trust_fingerprint())
        for key_id in key_ids:
            pipeline.exists(keys.trust(api_key_name(key_id)))
        pipeline.exists(keys.trust_fingerprint())
        with reaching():
            began, *there, ended = await pipeline.execute()
        if not (began and ended):
            return frozenset()
        return frozenset(
            key_id for key_id, known in zip(key_ids, there, strict=True) if not known
        )

    async def matches(self, fingerprint: str) -> bool:
        """Say whether the view is what this was put for; not when it is lost."""
        with reaching():
            stored = await self._redis.get(keys.trust_fingerprint())
        return stored == fingerprint.encode()

    async def is_written(self) -> bool:
        """Say whether all of the view has been written since it was lost."""
        with reaching():
            return bool(await self._redis.exists(keys.trust_fingerprint()))

    async def mark_lost(self) -> None:
        """Have a directory write all of it again; what is there stays meanwhile."""
        with reaching():
            await self._redis.delete(keys.trust_fingerprint())

    async def generation(self) -> str:
        """Return which generation of its entries the view is; '' for none known."""
        with reaching():
            stored: Any = await self._redis.get(keys.trust_generation())
        return str(stored, "ascii") if stored else ""

    async def put_generation(self, generation: str) -> None:
        """Say which it is, once its entries are written; harmless when repeated."""
        with reaching():
            await self._redis.set(keys.trust_generation(), generation)

    async def put_fingerprint(self, fingerprint: str) -> None:
        """Say what the view is, once it is written; harmless when repeated."""
        with reaching():
            await self._redis.set(keys.trust_fingerprint(), fingerprint)
