"""TLS sessions in Redis, so that any edge of a service resumes them."""

import hashlib
from collections.abc import Sequence

from homeport import identity
from homeport.errors import InvalidFormat
from homeport.identity import Identity, Service
from homeport.keyring import Keyring
from homeport.store import keys
from homeport.store.connection import Connection, reaching

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
