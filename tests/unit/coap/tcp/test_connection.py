"""A connection whose security has to ask, has records, and has an end of its own."""

from collections.abc import Callable

import pytest

from homeport.coap.tcp.security import Plain
from homeport.identity import Identity, Means
from tests.support.polling import until
from tests.support.tcp import CSM, OURS, Port, connected, serving

SOMEBODY = Identity("psk:1", Means.SHARED_KEY)


class Asking(Plain):
    """Wraps each content into a record of one length byte, once it may go on."""

    records = True
    made: "list[Asking]"

    def __init__(self, peer: str, go_on: Callable[[], None]) -> None:
        super().__init__(peer, go_on)
        self.go_on = go_on
        self.waiting = True
        self.taken = 0
        self.freed = False
        self.identity = SOMEBODY
        self.made.append(self)

    def receive(self, received: bytes) -> None:
        self.taken += len(received)
        super().receive(received)

    def clear(self) -> list[bytes]:
        if self.waiting:
            return []
        received = b"".join(super().clear())
        records = []
        while received:
            records.append(received[1 : 1 + received[0]])
            received = received[1 + received[0] :]
        return records

    def write(self, content: bytes) -> None:
        super().write(bytes([len(content)]) + content)

    def close(self) -> None:
        if not self.freed:
            super().write(b"bye")
        self.freed = True

    def admit(self) -> None:
        self.waiting = False
        self.go_on()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Asking]:
    """The securities that a port has made, one for each connection."""
    securities: list[Asking] = []
    monkeypatch.setattr(Asking, "made", securities, raising=False)
    return securities


async def one(made: list[Asking], *, taken: int = 1) -> Asking:
    """Wait for the security of the only connection, and for bytes that it took."""

    async def so_much() -> bool:
        return bool(made) and made[0].taken >= taken

    await until(so_much)
    return made[0]


async def _held(made: list[Asking], count: int) -> bool:
    return len(made) == count and made[-1].taken > 0


async def over(port: Port) -> None:
    async def none() -> bool:
        return not port.transport._connections

    await until(none)


async def test_nothing_is_handed_over_before_the_peer_is_known(
    made: list[Asking],
) -> None:
    async with serving(secure=Asking) as port, connected(port) as device:
        device.say("05 41 01 0007 aa 05 41 01 0008 aa")
        security = await one(made)
        assert port.batches == []
        security.admit()
        await device.hear("05 61 45 0007 aa 05 61 45 0008 aa")
        origin = port.transport.origin(port.requests[0].address)
        assert origin.identity is SOMEBODY


async def test_frames_may_be_spread_over_records(made: list[Asking]) -> None:
    async with serving(secure=Asking) as port, connected(port) as device:
        device.say("02 00 e1 01 01 02 01 aa")
        (await one(made)).admit()
        await device.hear(bytes([len(OURS)]) + OURS)
        await device.hear("03 01 45 aa")


async def test_a_record_of_one_byte_is_not_yet_a_dialect(made: list[Asking]) -> None:
    async with serving(secure=Asking) as port, connected(port) as device:
        device.say(b"\1" + CSM[:1] + b"\1" + CSM[1:])
        (await one(made)).admit()
        await device.hear(bytes([len(OURS)]) + OURS)


async def test_while_it_waits_no_more_is_read(made: list[Asking]) -> None:
    async with serving(secure=Asking) as port, connected(port) as device:
        device.say(bytes(4_000_000))
        security = await one(made)
        before = security.taken
        assert before < 1_000_000
        async with connected(port) as other:
            other.say("00")
            await until(lambda: _held(made, 2))
        assert security.taken == before
        assert not device.writer.transport.is_closing()


async def test_a_security_that_has_ended_says_goodbye_and_is_freed(
    made: list[Asking],
) -> None:
    async with serving(secure=Asking) as port, connected(port) as device:
        device.say("00")
        security = await one(made)
        security.closed = True
        security.go_on()
        assert await device.ended() == b"bye"
        await over(port)
        assert security.freed
        security.go_on()


async def test_a_peer_that_leaves_while_it_is_asked_for_is_forgotten_in_time(
    made: list[Asking],
) -> None:
    async with (
        serving(secure=Asking, first_seconds=0.1) as port,
        connected(port) as device,
    ):
        device.say("05 41 01 0007 aa")
        security = await one(made)
        device.writer.close()
        await over(port)
        security.admit()
        assert security.freed
        assert port.batches == []
