"""What one reader is sent, and why it is sent no more."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import orjson
import pytest

from homeport.errors import Unavailable
from services.notifier.channels.messages import Taken
from services.notifier.named_consumers import event_streams
from services.notifier.named_consumers.event_streams import (
    Confirm,
    End,
    EventStream,
    Form,
    Wanted,
)
from services.notifier.named_consumers.named_consumers import Selection

DEVICE = "d" * 32
KEY = "b" * 32
GROUP = "9" * 32
FACTS = Wanted(Selection(), KEY)


def taken(sequence: int, **changes: object) -> Taken:
    body = {"fact": "device.deregistered", "device_id": DEVICE, "id": "1"}
    return Taken(sequence, 0, orjson.dumps(body | changes))


@dataclass
class Line:
    """Events for a reader, and what it is sent."""

    batches: list[Sequence[Taken] | Unavailable | None]
    place: int = 7
    waiting: int = 0
    members: frozenset[str] | Unavailable = frozenset()
    looked: list[Collection[str]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    allowed: bool | Unavailable = True
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, seconds: float) -> Sequence[Taken] | None:
        assert seconds == 0.05
        if not self.batches:
            await asyncio.Event().wait()
        batch = self.batches.pop(0)
        if isinstance(batch, Unavailable):
            raise batch
        return batch

    async def within(self, devices: Collection[str]) -> Collection[str]:
        self.looked.append(devices)
        if isinstance(self.members, Unavailable):
            raise self.members
        return self.members & set(devices)

    async def send(self, text: bytes) -> None:
        self.sent.append(text)
        if text == b"id: 99\n\n":
            await self.room.wait()

    async def advance(self, place: int) -> None:
        self.confirmed.append(place)

    async def is_allowed(self) -> bool:
        if isinstance(self.allowed, Unavailable):
            raise self.allowed
        return self.allowed

    async def left(self) -> None:
        await self.gone.wait()

    async def run(self, wanted: Wanted = FACTS) -> End:
        stream = EventStream(
            self,
            wanted,
            within=self.within,
            send=self.send,
            advance=self.advance,
            seconds=0.05,
        )
        async with asyncio.timeout(5):
            return await stream.run(
                self.is_allowed, left=self.left(), draining=self.draining
            )


async def test_a_reader_is_sent_what_comes_until_another_takes_over() -> None:
    line = Line([[taken(8), taken(9)], None])
    assert await line.run() is End.TAKEN_OVER
    assert line.sent == [
        b"retry: 1000\n\n",
        b"id: 8\ndata: %b\n\nid: 9\ndata: %b\n\n" % (taken(8).body, taken(9).body),
        b"retry: 60000\n\n",
    ]
    assert line.confirmed == []


async def test_when_nothing_comes_its_place_is_said() -> None:
    line = Line([[], [taken(8)], [], None])
    await line.run()
    assert (line.sent[1], line.sent[3]) == (b"id: 7\n\n", b"id: 8\n\n")


async def test_what_is_not_selected_moves_its_place() -> None:
    line = Line([[taken(8), taken(9)], None])
    await line.run(Wanted(Selection(devices=frozenset({"e" * 32})), KEY))
    assert line.sent[1] == b"id: 9\n\n"


async def test_groups_are_looked_at_once_for_all_that_comes_at_once() -> None:
    others = taken(9, device_id="e" * 32)
    line = Line([[taken(8), others, taken(10)], [others], None])
    line.members = frozenset({DEVICE})
    await line.run(Wanted(Selection(groups=frozenset({GROUP})), KEY))
    assert line.sent[1:3] == [
        b"id: 8\ndata: %b\n\nid: 10\ndata: %b\n\n" % (taken(8).body, taken(10).body),
        b"id: 9\n\n",
    ]
    assert line.looked == [{DEVICE, "e" * 32}, {"e" * 32}]


async def test_groups_that_nobody_asks_for_are_not_looked_at() -> None:
    line = Line([[taken(8)], None])
    await line.run()
    assert line.looked == []


async def test_it_comes_again_when_nobody_knows_who_is_in_a_group() -> None:
    line = Line([[taken(8)], None], members=Unavailable("Redis", "is away"))
    wanted = Wanted(Selection(groups=frozenset({GROUP})), KEY, confirm=Confirm.SENT)
    assert await line.run(wanted) is End.AWAY
    assert (line.sent, line.confirmed) == ([b"retry: 1000\n\n"], [])


async def test_what_is_no_fact_is_in_no_group() -> None:
    line = Line([[Taken(8, 0, b"{"), taken(9)], None], members=frozenset({DEVICE}))
    await line.run(Wanted(Selection(groups=frozenset({GROUP})), KEY))
    assert line.sent[1] == b"id: 9\ndata: %b\n\n" % taken(9).body


async def test_what_is_no_fact_is_passed_over() -> None:
    line = Line([[Taken(8, 0, b"{"), taken(9)], None])
    await line.run(Wanted(Selection(), KEY, form=Form.NOTIFICATION))
    assert line.sent[1] == (
        b'id: 9\ndata: {"de-registrations":["%b"]}\n\n' % DEVICE.encode()
    )


async def test_what_is_sent_may_count_as_read() -> None:
    line = Line([[taken(8)], [taken(9)], None])
    await line.run(Wanted(Selection(), KEY, confirm=Confirm.SENT))
    assert line.confirmed[-1] == 9


async def test_one_that_makes_no_room_is_not_waited_for() -> None:
    line = Line([[]], place=99)
    assert await line.run() is End.NOT_READ


async def test_one_that_has_left_is_served_no_more() -> None:
    line = Line([])
    line.gone.set()
    assert await line.run() is End.LEFT


async def test_it_ends_with_its_server() -> None:
    line = Line([])
    line.draining.set()
    assert await line.run() is End.DRAINING


async def test_it_comes_again_when_nats_is_away() -> None:
    assert await Line([Unavailable("NATS", "is away")]).run() is End.AWAY


async def test_it_ends_when_it_is_allowed_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_streams, "LOOK_SECONDS", 0.01)
    assert await Line([], allowed=False).run() is End.NOT_ALLOWED


async def test_it_goes_on_while_that_cannot_be_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_streams, "LOOK_SECONDS", 0.01)
    line = Line([[], [], [], None], allowed=Unavailable("Redis", "is away"))
    assert await line.run() is End.TAKEN_OVER
