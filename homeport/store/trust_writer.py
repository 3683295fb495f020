"""How the directory writes what edges trust, and tells them."""

import secrets
from collections.abc import Sequence

import orjson

from homeport.keyring import Keyring
from homeport.store import configurations, entries, keys
from homeport.store.connection import Connection, reaching
from homeport.store.entries import (
    AUTHORITY,
    BootstrapConfiguration,
    Claim,
    DefinedObject,
    DeviceEntry,
    Entry,
    RegisteredKey,
    TrustedCertificate,
)

EVERYTHING = "*"
"""Stands for the names of all entries."""

MOST_NAMES = 1_000
"""A message that would name more than these says `EVERYTHING`."""

INTRODUCED_SECONDS = 7 * 86_400
"""How long the directory may take to hear of a device; events live a day by default."""


class TrustWriter:
    """The trust view as the directory writes it.

    All raise Unavailable and may be repeated, and have to be after that: something may
    have been written without having been told.
    """

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._redis = connection
        self._keyring = keyring

    async def put(self, changed: Sequence[Entry]) -> None:
        """Write entries and tell the edges."""
        if not changed:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for entry in changed:
            key = keys.trust(entry.name)
            match entry:
                case RegisteredKey():
                    pipeline.set(key, entries.build_key(entry, self._keyring))
                case TrustedCertificate(subject=subject, active=active):
                    text = entries.build(entry)
                    pipeline.hset(keys.trusted_certificates(subject), entry.id, text)
                    _ = pipeline.set(key, "") if active else pipeline.delete(key)
                case Claim(expires=expires) if expires:
                    pipeline.set(key, entries.build(entry), pxat=expires)
                case BootstrapConfiguration(selector=selector):
                    pipeline.set(key, self._keyring.seal(entry.content, place=key))
                    selectors = keys.bootstrap_selectors(entry.account)
                    text = configurations.build_selector(selector)
                    pipeline.hset(selectors, selector.id, text)
                case DefinedObject(place=place, content=content):
                    defined = keys.object_definitions(entry.account)
                    told: list[str | bytes] = [place, content, "", secrets.token_hex(8)]
                    pipeline.hset(defined, items=told)
                case _:
                    pipeline.set(key, entries.build(entry))
        with reaching():
            await pipeline.execute()
        await self._tell([entry.name for entry in changed])

    async def remove(self, gone: Sequence[Entry]) -> None:
        """Remove entries and tell the edges."""
        if not gone:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for entry in gone:
            pipeline.delete(keys.trust(entry.name))
            match entry:
                case TrustedCertificate(subject=subject):
                    pipeline.hdel(keys.trusted_certificates(subject), entry.id)
                case BootstrapConfiguration(selector=selector):
                    selectors = keys.bootstrap_selectors(entry.account)
                    pipeline.hdel(selectors, selector.id)
                case DefinedObject(place=place):
                    defined = keys.object_definitions(entry.account)
                    pipeline.hdel(defined, place)
                    pipeline.hset(defined, "", secrets.token_hex(8))
        with reaching():
            await pipeline.execute()
        await self._tell([entry.name for entry in gone])

    async def introduce(self, new: Sequence[DeviceEntry]) -> None:
        """Let edges know whose some devices are; entries that are there stay.

        For edges: what they hand out is good at once on all others (B-020). Nobody is
        told, since a new entry takes nothing from anybody. It goes by itself unless
        the directory, when it hears of the device, writes its own.
        """
        if not new:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for entry in new:
            key, text = keys.trust(entry.name), entries.build(entry)
            pipeline.set(key, text, nx=True, ex=INTRODUCED_SECONDS)
        with reaching():
            await pipeline.execute()

    async def put_authority(self, content: bytes) -> None:
        """Write the installation's own authority and tell the edges."""
        key = keys.trust(AUTHORITY)
        with reaching():
            await self._redis.set(key, self._keyring.seal(content, place=key))
        await self._tell([AUTHORITY])

    async def _tell(self, names: list[str]) -> None:
        """Tell only what is written: the nodes of a cluster answer in any order."""
        said = names if len(names) <= MOST_NAMES else [EVERYTHING]
        with reaching():
            await self._redis.publish(keys.trust_changes(), orjson.dumps(said))
