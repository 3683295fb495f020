"""TLS sessions in Redis, so that any edge of a service resumes them."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress

from homeport import identity
from homeport.errors import InvalidFormat
from homeport.identity import Identity, Service
from homeport.keyring import Keyring, Resealed
from homeport.store import keys
from homeport.store.connection import Connection, reaching
from homeport.store.scanning import scan

_LENGTH_BYTES = 4


class ResumptionStore:
    """The TLS sessions of one service; it fulfills `homeport.associations.Resumptions`.

    A session lives for ``seconds`` after its full handshake. It is found by a digest of
    its id, which travels in clear, and what the keyring cannot open any more is gone.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        service: Service,
        keyring: Keyring,
        seconds: int,
    ) -> None:
        self._redis = connection
        self._service = service
        self._keyring = keyring
        self._seconds = seconds

    async def put(self, sessions: Sequence[tuple[bytes, bytes, Identity]]) -> None:
        """Keep sessions by their ids; raise Unavailable."""
        if not sessions:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for session_id, session, whose in sessions:
            key = self._key(session_id)
            text = identity.build(whose)
            content = len(text).to_bytes(_LENGTH_BYTES) + text + session
            sealed = self._keyring.seal(content, place=key)
            pipeline.set(key, sealed, ex=self._seconds)
        with reaching():
            await pipeline.execute()

    async def get(
        self, session_ids: Sequence[bytes]
    ) -> list[tuple[bytes, Identity] | None]:
        """Return sessions and who their peers were, in order; raise Unavailable."""
        if not session_ids:
            return []
        places = [self._key(session_id) for session_id in session_ids]
        pipeline = self._redis.pipeline(transaction=False)
        for key in places:
            pipeline.get(key)
        with reaching():
            found = await pipeline.execute()
        return [
            self._open(key, sealed) if isinstance(sealed, bytes) else None
            for key, sealed in zip(places, found, strict=True)
        ]

    async def reseal(self) -> Resealed:
        """Seal all of them anew that an older secret has sealed; raise Unavailable.

        They end when they would have. One that no secret opens is gone, and not
        counted.
        """
        total = Resealed()
        async for found in scan(self._redis, keys.resumption(self._service, "*")):
            total += await self._reseal(found)
        return total

    async def _reseal(self, found: Sequence[str]) -> Resealed:
        reading = self._redis.pipeline(transaction=False)
        for key in found:
            reading.get(key)
        with reaching():
            kept = await reading.execute()
        writing = self._redis.pipeline(transaction=False)
        opened = anew = 0
        for key, sealed in zip(found, kept, strict=True):
            if sealed is None:
                continue
            with suppress(InvalidFormat):
                made = self._keyring.reseal(sealed, place=key)
                opened += 1
                if made is not None:
                    writing.set(key, made, xx=True, keepttl=True)
                    anew += 1
        with reaching():
            await writing.execute()
        return Resealed(opened, anew)

    def _open(self, key: str, sealed: bytes) -> tuple[bytes, Identity] | None:
        try:
            content = self._keyring.open(sealed, place=key)
            end = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES])
            return content[end:], identity.parse(content[_LENGTH_BYTES:end])
        except InvalidFormat:
            return None

    def _key(self, session_id: bytes) -> str:
        digest = hashlib.sha256(session_id).hexdigest()
        return keys.resumption(self._service, digest)
