"""The flights that one side of a handshake sends, until the next one (RFC 6347 §4.2.4).

OpenSSL makes their records; numbers, datagrams and repetitions are given here, because
it would have to read the clock for them, and knows no connection ids.
"""

from collections.abc import Callable

from homeport.dtls import records
from homeport.dtls.records import ContentType

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0


_EPOCH = 4
"""Its place in a record; it is 0 or 1."""
_PROTECTED = records.VERSION + b"\0\1"
"""In the header of every protected record; elsewhere by chance, which does no harm."""

Protect = Callable[[bytes, int], bytes]
"""Makes of a protected record of OpenSSL's what the peer gets under a number."""


class Flights:
    """The flight that is under way, and when it is repeated.

    Datagrams have at most ``mtu`` bytes. ``protected`` counts protected records.
    """

    __slots__ = (
        "_datagrams",
        "_flight",
        "_mtu",
        "_repeated",
        "_wait",
        "deadline",
        "protected",
    )

    def __init__(self, *, mtu: int) -> None:
        self._mtu = mtu
        self._flight = b""
        self._datagrams: list[bytes] = []
        self._repeated = 0  # records in clear: our numbers are ahead of OpenSSL's by it
        self._wait = FIRST_WAIT_SECONDS
        self.protected = 0
        self.deadline: float | None = None

    def send(self, output: bytes, protect: Protect, *, now: float) -> None:
        """Begin the next flight, and repeat it until another one begins."""
        self._flight = output
        self._datagrams += self._packed(protect)
        self._wait = FIRST_WAIT_SECONDS
        self.deadline = now + self._wait

    def last(self, output: bytes, protect: Protect) -> tuple[bytes, ...]:
        """Return the datagrams of what the caller sends, and repeats."""
        self._flight = output
        self.deadline = None
        return tuple(self._packed(protect))

    def end(self, output: bytes, protect: Protect) -> None:
        """Send what is never repeated."""
        self._datagrams += self.last(output, protect)

    def alert(self, fragment: bytes) -> bytes:
        """Build an alert of ours as if OpenSSL had made it after this flight."""
        (newest,) = records.parse(records.cut(self._flight)[-1], 0)
        built = records.build(ContentType.ALERT, 0, newest.sequence, fragment)
        return records.advanced(built, 1)

    def tick(self, protect: Protect, *, now: float) -> None:
        """Repeat the flight if its time has come."""
        if self.deadline is None or now < self.deadline:
            return
        self._repeated += sum(not raw[_EPOCH] for raw in records.cut(self._flight))
        self._datagrams += self._packed(protect)
        self._wait = min(2 * self._wait, LONGEST_WAIT_SECONDS)
        self.deadline = now + self._wait

    def datagrams(self) -> list[bytes]:
        """Take what is to be sent."""
        outgoing, self._datagrams = self._datagrams, []
        return outgoing

    def _packed(self, protect: Protect) -> list[bytes]:
        """Put as many records into a datagram as it can hold, never parts of one."""
        flight = self._flight
        fits = len(flight) <= self._mtu
        if fits and not self._repeated and _PROTECTED not in flight:
            return [flight] if flight else []
        packed, datagram = [], b""
        for raw in records.cut(flight):
            built = self._built(raw, protect)
            if datagram and len(datagram) + len(built) > self._mtu:
                packed.append(datagram)
                datagram = b""
            datagram += built
        return [*packed, datagram] if datagram else []

    def _built(self, raw: bytes, protect: Protect) -> bytes:
        """Give a record the next number of its epoch."""
        if not raw[_EPOCH]:
            repeated = self._repeated
            return records.advanced(raw, repeated) if repeated else raw
        number = self.protected
        self.protected = number + 1
        return protect(raw, number)
