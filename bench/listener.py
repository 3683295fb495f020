"""Our secured port alone: everybody is trusted, and the store answers at once."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from homeport.associations import Floating, Taken
from homeport.coap.transport import Arrival
from homeport.coap.udp import UdpTransport
from homeport.dtls.context import CertifiedKey, ServerContext
from homeport.dtls.credentials import (
    Admission,
    Chain,
    Credential,
    Refusal,
    SharedKey,
)
from homeport.dtls.half_open import Limits
from homeport.dtls.live import Live
from homeport.dtls.ports import Ports
from homeport.dtls.transport import DtlsTransport
from homeport.identity import Identity, Means
from homeport.runtime import logs, running

IDENTITY = b"bench"
MOST_LIVE = 10_000
IDLE_SECONDS = 300.0


class Store:
    """Answers at once, and trusts whoever has the one key or a chain to the one CA."""

    def __init__(self, key: bytes, anchor: bytes) -> None:
        self._key = key
        self._by_identity = {
            IDENTITY: Admission(Identity("psk:bench", Means.SHARED_KEY), key=key)
        }
        self._by_chain = Admission(
            Identity("certificate:bench", Means.CERTIFICATE), anchors=(anchor,)
        )

    async def admit(
        self, credentials: Sequence[Credential]
    ) -> list[Admission | Refusal]:
        """Admit everybody."""
        return [self._admit(credential) for credential in credentials]

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        """Trust everybody still."""
        return [True] * len(identities)

    async def current(self) -> tuple[bytes, ...]:
        """Make cookies with the key, which is as good as any other."""
        return (self._key,)

    async def get(
        self, session_ids: Sequence[bytes]
    ) -> list[tuple[bytes, Identity] | None]:
        """Know no session: nobody comes back."""
        return [None] * len(session_ids)

    async def put(self, sessions: Sequence[tuple[bytes, bytes, Identity]]) -> None:
        """Take it that sessions are kept."""

    async def save(self, associations: Sequence[Floating]) -> None:
        """Take it that associations are kept."""

    async def find(self, places: Sequence[str]) -> list[Floating | None]:
        """Find nothing: whatever is asked for is in memory."""
        return [None] * len(places)

    async def take(self, wanted: Sequence[tuple[Floating, int]]) -> list[Taken | None]:
        """Leave associations where they are."""
        return [None] * len(wanted)

    async def recall(self, wanted: Sequence[Floating]) -> list[Taken | None]:
        """Leave associations where they are."""
        return [None] * len(wanted)

    async def rest(self, associations: Sequence[Floating]) -> None:
        """Take it that associations are written down."""

    async def drop(self, associations: Sequence[Floating]) -> None:
        """Take it that associations are forgotten."""

    def _admit(self, credential: Credential) -> Admission:
        match credential:
            case SharedKey(identity):
                return self._by_identity[identity]
            case Chain():
                return self._by_chain


async def main(port: int, folder: Path) -> None:
    """Serve until the process ends."""
    logs.configure("warning", service="bench")
    server, server_key, anchor, key = (
        (folder / name).read_bytes() for name in ("server", "server.key", "ca", "psk")
    )
    store = Store(key, anchor)
    transport = DtlsTransport(
        UdpTransport.bind("127.0.0.1", port, reuse_port=False),
        ServerContext(CertifiedKey((server,), server_key), resumption=True),
        Ports(
            edge="bench",
            trust=store,
            associations=store,
            resumptions=store,
            cookie_secrets=store,
            refused=_refused,
            now_milliseconds=lambda: time.time_ns() // 10**6,
        ),
        limits=Limits(),
        most=MOST_LIVE,
        idle=IDLE_SECONDS,
    )
    running.settle_memory()
    transport.start(_heard)
    await transport.run()


def _heard(_arrivals: Sequence[Arrival[Live]], _arrived: float) -> None:
    """Leave messages alone: nobody says anything after a handshake."""


def _refused(refusal: Refusal, peer: str) -> None:
    sys.exit(f"{peer} was refused: {refusal.reason}")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), Path(sys.argv[2])))
