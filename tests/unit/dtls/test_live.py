"""Associations in memory: found by their place, moved with care, oldest out first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.associations import Floating
from homeport.coap.udp import Address
from homeport.dtls import live
from homeport.dtls.association import Association, CidForm
from homeport.dtls.keys import Keys
from homeport.dtls.live import Live, LiveAssociations, Place
from homeport.dtls.suites import SUITES
from homeport.identity import NOBODY

HERE: Address = ("192.0.2.1", 5684)
THERE: Address = ("192.0.2.2", 5684)


def association(place: Place = HERE, *, now: float = 0.0) -> Live:
    cid = place if isinstance(place, bytes) else b""
    records = Association(
        SUITES[0],
        Keys(client=bytes(20), server=bytes(20)),
        server=True,
        received=7,
        form=CidForm.RFC if cid else CidForm.NONE,
        cid=cid,
    )
    floating = Floating(
        live.name_of(place), "a" * 28, records.export(), NOBODY, "somewhere", 0
    )
    return Live(floating, records, address=HERE, now=now, expires=9.0)


def kept(count: int, *, most: int, idle: float = 60.0) -> LiveAssociations:
    """Keep associations that were heard one second after the other."""
    made = LiveAssociations(most=most, idle=idle)
    for number in range(count):
        made.put(association(bytes([number]), now=float(number)))
    return made


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (b"\x00\xff\x10", "00ff10"),
        (("192.0.2.1", 5684), "192.0.2.1:5684"),
        (("2001:db8::1", 5684, 0, 0), "[2001:db8::1]:5684"),
    ],
)
def test_a_place_has_a_name_that_leads_back_to_it(place: Place, name: str) -> None:
    assert live.name_of(place) == name
    assert live.place_of(name) == place


@given(st.binary(min_size=1, max_size=20))
def test_every_connection_id_has_a_name_that_leads_back_to_it(cid: bytes) -> None:
    assert live.place_of(live.name_of(cid)) == cid


def test_where_messages_come_from_is_the_association() -> None:
    made = association()
    assert made.origin.peer == "192.0.2.1:5684"
    assert made.origin.exchanges == made.origin.association == "a" * 28
    assert made.origin.generation == 1
    assert made.origin is made.origin


def test_a_move_changes_where_messages_come_from_and_nothing_else() -> None:
    made = association()
    before = made.origin
    assert made.may_move(THERE, 0.0)
    assert made.address == THERE
    assert made.origin == before._replace(peer="192.0.2.2:5684")


def test_a_peer_moves_often_at_once_but_not_for_long() -> None:
    made = association()
    moves = [made.may_move(THERE, 0.0) for _ in range(100)]
    assert sum(moves) == live.MOST_MOVES
    assert not moves[-1]
    assert made.may_move(HERE, 0.1)
    assert not made.may_move(THERE, 0.1)
    assert made.address == HERE


def test_another_generation_is_another_turn_at_the_same_association() -> None:
    made = association()
    before = made.origin
    assert isinstance(made.records, Association)
    made.records.advance(4)
    made.advance(made.records)
    assert made.origin == before._replace(generation=4)


def test_what_another_edge_has_to_know_is_as_of_now() -> None:
    made = association()
    made.may_move(THERE, 0.0)
    assert isinstance(made.records, Association)
    state = made.state(made.records)
    assert state == Floating(
        "192.0.2.1:5684", "a" * 28, b"", NOBODY, "192.0.2.2:5684", 7
    )


def test_an_association_is_found_by_its_place_until_it_is_dropped() -> None:
    made, all_of_them = association(), LiveAssociations(most=9, idle=60)
    assert all_of_them.put(made) is None
    assert all_of_them.get(HERE) is made
    assert all_of_them.get(THERE) is None
    all_of_them.drop(made)
    assert len(all_of_them) == 0


def test_one_that_takes_a_place_is_not_dropped_with_its_predecessor() -> None:
    all_of_them = LiveAssociations(most=9, idle=60)
    first, second = association(), association()
    all_of_them.put(first)
    assert all_of_them.put(second) is first
    all_of_them.drop(first)
    all_of_them.use(first, 5.0)
    assert list(all_of_them) == [second]


def test_each_one_that_is_in_memory_no_more_is_told_once() -> None:
    left: list[Live] = []
    all_of_them = LiveAssociations(most=9, idle=60, left=left.append)
    first, second, third = (association(now=float(each)) for each in range(3))
    all_of_them.put(first)
    all_of_them.put(first)
    all_of_them.put(second)
    assert left == [first]
    all_of_them.drop(first)
    all_of_them.drop(second)
    all_of_them.put(third)
    all_of_them.pop_idle(1_000.0, most=9)
    assert left == [first, second, third]


def test_who_is_only_idle_stays_known_while_anybody_has_it() -> None:
    all_of_them = kept(1, most=9)
    (idle,) = all_of_them.pop_idle(1_000.0, most=9)
    assert list(all_of_them) == []
    assert all_of_them.known(idle.place) is idle
    assert list(all_of_them.all_known()) == [idle]
    all_of_them.drop(idle)
    assert all_of_them.known(idle.place) is None


def test_nobody_keeps_who_is_only_idle() -> None:
    all_of_them = kept(1, most=9)
    all_of_them.pop_idle(1_000.0, most=9)
    assert list(all_of_them.all_known()) == []


def test_who_comes_back_is_known_once() -> None:
    all_of_them = kept(1, most=9)
    (idle,) = all_of_them.pop_idle(1_000.0, most=9)
    all_of_them.put(idle)
    assert list(all_of_them.all_known()) == [idle]


def test_those_that_are_too_many_go_the_longest_unheard_first() -> None:
    all_of_them = kept(5, most=3)
    popped = all_of_them.pop_idle(5.0, most=100)
    assert [each.place for each in popped] == [b"\x00", b"\x01"]
    assert len(all_of_them) == 3


def test_those_that_are_heard_stay() -> None:
    all_of_them = kept(4, most=100, idle=10.0)
    first = next(iter(all_of_them))
    all_of_them.use(first, 4.0)
    popped = all_of_them.pop_idle(13.0, most=100)
    assert [each.place for each in popped] == [b"\x01", b"\x02", b"\x03"]
    assert list(all_of_them) == [first]


def test_not_all_go_at_once() -> None:
    all_of_them = kept(10, most=100, idle=1.0)
    assert len(all_of_them.pop_idle(100.0, most=4)) == 4
    assert len(all_of_them) == 6


def test_an_association_in_memory_holds_what_it_is_once() -> None:
    made = association(b"\x01\x02")
    assert isinstance(made.records, Association)
    assert made.place is made.records.cid
    assert made.state(made.records).secrets == b""
