"""The secrets that every edge makes DTLS cookies with."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress

from homeport.errors import InvalidFormat
from homeport.keyring import Keyring
from homeport.store import keys
from homeport.store.connection import Connection, reaching
from homeport.store.scripts import COOKIES

SECRET_BYTES = 32
PERIOD_SECONDS = 3_600
CACHE_SECONDS = 10.0
"""Far less than a period: an edge knows a secret before another makes cookies of it."""


class CookieSecretStore:
    """The shared secrets; it fulfills `homeport.associations.CookieSecrets`."""

    def __init__(
        self,
        connection: Connection,
        *,
        keyring: Keyring,
        monotonic: Callable[[], float],
    ) -> None:
        self._redis = connection
        self._keyring = keyring
        self._monotonic = monotonic
        self._secrets: tuple[bytes, ...] = ()
        self._fresh_until = 0.0
        self._asking = asyncio.Lock()

    async def current(self) -> tuple[bytes, ...]:
        """Return the secrets in force, the one that makes cookies first.

        They are asked for once in a few seconds, however many hellos wait for them.
        Raises Unavailable.
        """
        if self._monotonic() < self._fresh_until:
            return self._secrets
        async with self._asking:
            now = self._monotonic()
            if now >= self._fresh_until:
                self._secrets = await self._ask()
                self._fresh_until = now + CACHE_SECONDS
        return self._secrets

    async def _ask(self) -> tuple[bytes, ...]:
        """Ask for the secrets; begin anew where the installation's secret is another.

        Then the others' cookies do not count any more.
        """
        place = keys.cookie_secrets()
        offered = self._keyring.seal(os.urandom(SECRET_BYTES), place=place)
        found = await COOKIES(self._redis, [place], [offered, PERIOD_SECONDS])
        if not self._open(found[:1]):
            with reaching():
                await self._redis.delete(place)
            found = await COOKIES(self._redis, [place], [offered, PERIOD_SECONDS])
        return self._open(found)

    def _open(self, found: Sequence[bytes]) -> tuple[bytes, ...]:
        opened = []
        for sealed in found:
            with suppress(InvalidFormat):
                opened.append(self._keyring.open(sealed, place=keys.cookie_secrets()))
        return tuple(opened)
