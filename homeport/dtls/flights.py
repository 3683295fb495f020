"""The flights that one side of a handshake sends, until the next one (RFC 6347 §4.2.4).

OpenSSL makes their records; numbers, datagrams and repetitions are given here, because
it would have to read the clock for them, and knows no connection ids.
"""

from collections.abc import Callable

from homeport.dtls import records

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0


_EPOCH = 4
"""Its place in a record; it is 0 or 1."""

Protect = Callable[[bytes, int], bytes]
"""Makes of a protected record of OpenSSL's what the peer gets under a number."""


class Flights:
    """The flight that is under way, and when it is repeated.

    ``number`` is that of the first record. Datagrams have at most ``mtu`` bytes.
    """

    __slots__ = ("_datagrams", "_flight", "_mtu", "_numbers", "_wait", "deadline")

    def __init__(self, *, mtu: int, number: int = 0) -> None:
        self._mtu = mtu
        self._numbers = [number, 0]
        self._flight: list[bytes] = []
        self._datagrams: list[bytes] = []
        self._wait = FIRST_WAIT_SECONDS
        self.deadline: float | None = None

    @property
    def protected(self) -> int:
        """How many protected records there have been."""
        return self._numbers[1]

    def send(self, output: bytes, protect: Protect, *, now: float) -> None:
        """Begin the next flight, and repeat it until another one begins."""
        self._flight = records.cut(output)
        self._datagrams += self._packed(protect)
        self._wait = FIRST_WAIT_SECONDS
        self.deadline = now + self._wait

    def last(self, output: bytes, protect: Protect) -> tuple[bytes, ...]:
        """Return the datagrams of what the caller sends, and repeats."""
        self._flight = records.cut(output)
        self.deadline = None
        return tuple(self._packed(protect))

    def end(self, output: bytes, protect: Protect) -> None:
        """Send what is never repeated."""
        self._datagrams += self.last(output, protect)

    def tick(self, protect: Protect, *, now: float) -> None:
        """Repeat the flight if its time has come."""
        if self.deadline is None or now < self.deadline:
            return
        self._datagrams += self._packed(protect)
        self._wait = min(2 * self._wait, LONGEST_WAIT_SECONDS)
        self.deadline = now + self._wait

    def datagrams(self) -> list[bytes]:
        """Take what is to be sent."""
        outgoing, self._datagrams = self._datagrams, []
        return outgoing

    def _packed(self, protect: Protect) -> list[bytes]:
        """Put as many records into a datagram as it can hold, never parts of one."""
        packed, datagram = [], b""
        for raw in self._flight:
            epoch = raw[_EPOCH]
            number = self._numbers[epoch]
            self._numbers[epoch] = number + 1
            built = protect(raw, number) if epoch else records.renumbered(raw, number)
            if datagram and len(datagram) + len(built) > self._mtu:
                packed.append(datagram)
                datagram = b""
            datagram += built
        return [*packed, datagram] if datagram else []
