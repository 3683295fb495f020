"""Registrations end with the key that they were made with, once it is withdrawn.

The edge that has the association ends them. Whoever is with no edge then is not heard
again, and its registration ends with its lifetime.
"""

from collections.abc import Sequence

from homeport.dtls.batches import Batches
from homeport.errors import Unavailable
from homeport.identity import Identity, Means
from homeport.runtime.edge import Ground
from homeport.store.operations import Dismiss, Outcome
from services.lwm2m import contacts, observability


class Withdrawals:
    """Ends registrations whose key is withdrawn; repeating it is harmless.

    A credential of ours is renewed before it has to be good no more, and a registration
    goes on with the next one (B-162); that of a CA is not the device's alone.
    """

    def __init__(self, base: Ground) -> None:
        self._base = base
        self._ended: Batches[Dismiss, Outcome] = Batches(self._end)

    async def run(self) -> None:
        """End registrations until cancelled."""
        await self._ended.run()

    def hear(self, identity: Identity) -> None:
        """Hear whom we trust no more."""
        device = contacts.device_of(identity)
        if identity.means is Means.SHARED_KEY and device is not None:
            bucket = self._base.store.bucket(device)
            operation = Dismiss(bucket, device, "withdrawn", identity.name)
            self._ended.put(operation, _told)

    async def _end(self, operations: Sequence[Dismiss]) -> Sequence[Outcome]:
        outcomes = await self._base.store.execute(
            operations, arrived=self._base.clock.now()
        )
        self._base.relay.recorded({each.bucket for each in operations})
        return outcomes


def _told(outcome: Outcome | Unavailable) -> None:
    if isinstance(outcome, Unavailable):
        observability.record_away(str(outcome), 1)
