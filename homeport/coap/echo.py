"""Whether a peer is where its messages come from: Echo, without a memory (RFC 9175 §2).

The value is one that only we can make, for an address and a time. Who sends it back has
heard us there.
"""

import hashlib
import hmac
import secrets
from collections.abc import Hashable

PERIOD_SECONDS = 128
"""A value is good for this long at least, and for twice as long at most."""
_LENGTH = 8


class Echoes:
    """The values of one endpoint."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def challenge(self, address: Hashable, *, now: float) -> bytes:
        """Make the value that an address is to send back."""
        return self._value(address, int(now // PERIOD_SECONDS))

    def proves(self, value: bytes | None, address: Hashable, *, now: float) -> bool:
        """Say whether it is one that we have sent to this address of late."""
        period = int(now // PERIOD_SECONDS)
        return value is not None and any(
            hmac.compare_digest(value, self._value(address, each))
            for each in (period, period - 1)
        )

    def _value(self, address: Hashable, period: int) -> bytes:
        made = f"{period} {address!r}".encode()
        return hashlib.blake2b(made, key=self._secret, digest_size=_LENGTH).digest()
