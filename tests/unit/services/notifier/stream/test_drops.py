"""What is counted as lost, and what is not."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from homeport.names import AccountId
from services.notifier.stream import drops
from services.notifier.stream.cursors import Cursor
from services.notifier.stream.places import Bounds

BEGUN = Cursor("b" * 32, AccountId("a" * 32), place=0)
OURS = ["ours"]


@dataclass
class Stream:
    """A stream in which every ``share``-th event is one of ours."""

    first: int = 1
    last: int = 0
    share: int = 1
    late: int = 0
    asked: list[int] = field(default_factory=list)

    async def bounds(self) -> Bounds:
        return Bounds(self.first, self.last)

    async def waiting(self, filters: Collection[str], *, after: int) -> int:
        assert filters == OURS
        self.last += self.late
        return self.last // self.share - max(after, self.first - 1) // self.share


async def test_what_waits_is_counted() -> None:
    found = await drops.look(BEGUN, OURS, Stream(last=10))
    assert found == replace(BEGUN, looked=10, waiting=10)


async def test_one_for_which_nothing_waits_comes_to_the_newest_event() -> None:
    found = await drops.look(BEGUN, OURS, Stream(last=9, share=10))
    assert found == replace(BEGUN, place=9, looked=9)


async def test_what_left_since_the_last_look_is_lost() -> None:
    cursor = replace(BEGUN, looked=10, waiting=10)
    found = await drops.look(cursor, OURS, Stream(first=8, last=20))
    assert found == replace(BEGUN, place=7, looked=20, waiting=13, dropped=7)
    again = await drops.look(found, OURS, Stream(first=8, last=20))
    assert again == found


async def test_losses_add_up() -> None:
    cursor = replace(BEGUN, looked=10, waiting=10, dropped=100)
    found = await drops.look(cursor, OURS, Stream(first=11, last=10))
    assert (found.dropped, found.place, found.waiting) == (110, 10, 0)


async def test_others_events_are_no_loss() -> None:
    cursor = replace(BEGUN, looked=50, waiting=5)
    found = await drops.look(cursor, OURS, Stream(first=25, last=50, share=10))
    assert (found.dropped, found.waiting) == (2, 3)


async def test_what_was_taken_is_no_loss() -> None:
    cursor = replace(BEGUN, place=10, looked=10)
    found = await drops.look(cursor, OURS, Stream(first=8, last=20))
    assert (found.dropped, found.waiting, found.place) == (0, 10, 10)


async def test_events_that_come_meanwhile_are_no_loss() -> None:
    cursor = replace(BEGUN, looked=10, waiting=10)
    found = await drops.look(cursor, OURS, Stream(first=8, last=20, late=2))
    assert found.dropped <= 7
    assert found.looked == 20


async def test_a_stream_that_was_lost_is_read_from_its_beginning() -> None:
    cursor = replace(BEGUN, place=100, looked=100)
    found = await drops.look(cursor, OURS, Stream(last=3))
    assert (found.place, found.waiting, found.dropped) == (0, 3, 0)
