"""There is one handshake of an address, and room for so many."""

import asyncio

from homeport.coap.udp import Address
from homeport.dtls.half_open import CID_BYTES, HalfOpens, Limits
from tests.support import hellos

HELLO = hellos.parse(hellos.IZUMA_UDP)
HERE: Address = ("10.0.0.1", 50_000)
NEXT_DOOR: Address = ("10.0.0.1", 50_001)
ELSEWHERE: Address = ("10.0.0.2", 50_000)


def test_one_is_found_by_its_address_until_it_is_removed() -> None:
    all_of_them = HalfOpens(Limits(seconds=30))
    half = all_of_them.add(HELLO, HERE, now=100.0)
    assert half.deadline == 130.0
    assert len(half.cid) == CID_BYTES
    assert all_of_them.get(HERE) is half
    assert half in all_of_them
    assert list(all_of_them) == [half]
    assert all_of_them.remove(half)
    assert all_of_them.get(HERE) is None
    assert not all_of_them.remove(half)


def test_another_one_of_its_address_is_not_removed_for_it() -> None:
    all_of_them = HalfOpens(Limits())
    former = all_of_them.add(HELLO, HERE, now=100.0)
    all_of_them.remove(former)
    newer = all_of_them.add(HELLO, HERE, now=101.0)
    assert former not in all_of_them
    assert not all_of_them.remove(former)
    assert all_of_them.get(HERE) is newer


def test_there_is_room_for_so_many_in_all() -> None:
    all_of_them = HalfOpens(Limits(half_open=2))
    half = all_of_them.add(HELLO, HERE, now=0.0)
    assert all_of_them.has_room(ELSEWHERE)
    all_of_them.add(HELLO, NEXT_DOOR, now=0.0)
    assert not all_of_them.has_room(ELSEWHERE)
    all_of_them.remove(half)
    assert all_of_them.has_room(ELSEWHERE)


def test_there_is_room_for_so_many_of_one_host() -> None:
    all_of_them = HalfOpens(Limits(half_open_per_host=1))
    half = all_of_them.add(HELLO, HERE, now=0.0)
    assert not all_of_them.has_room(NEXT_DOOR)
    assert all_of_them.has_room(ELSEWHERE)
    all_of_them.remove(half)
    assert all_of_them.has_room(NEXT_DOOR)


async def test_waiting_for_none_ends_with_the_last_one() -> None:
    all_of_them = HalfOpens(Limits())
    await all_of_them.none()
    halves = [all_of_them.add(HELLO, each, now=0.0) for each in (HERE, ELSEWHERE)]
    waiting = asyncio.create_task(all_of_them.none())
    await asyncio.sleep(0)
    all_of_them.remove(halves[0])
    await asyncio.sleep(0)
    assert not waiting.done()
    all_of_them.remove(halves[1])
    await waiting
