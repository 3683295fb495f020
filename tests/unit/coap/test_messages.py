"""Messages, whatever they say: known when they come again, told apart by ids."""

import random

from homeport.coap.codec import Code, Message, Type
from homeport.coap.messages import MOST_ANSWERS, MOST_PEERS, Messages
from tests.support.lockstep import PEER


def messages() -> Messages:
    return Messages(random.Random(1))


def test_a_message_that_comes_again_hears_the_same_answer() -> None:
    made = messages()
    assert not made.repeated(PEER, 7, now=0)
    assert made.repeated(PEER, 7, now=0)
    assert made.datagrams() == []
    made.settle(PEER, 7, b"answer", now=0)
    assert made.repeated(PEER, 7, now=1)
    assert made.datagrams() == [(b"answer", PEER), (b"answer", PEER)]


def test_a_flood_of_requests_is_remembered_within_bounds() -> None:
    made = messages()
    for number in range(MOST_ANSWERS + 10):
        made.repeated(number, 1, now=0)
    assert not made.repeated(0, 1, now=0)
    assert made.repeated(MOST_ANSWERS + 9, 1, now=0)


def test_a_message_is_settled_once_it_has_an_answer() -> None:
    made = messages()
    made.repeated(PEER, 7, now=0)
    assert not made.settled(PEER, 7, now=0)
    made.settle(PEER, 7, b"answer", now=0)
    assert made.settled(PEER, 7, now=1)


def test_a_forgotten_message_is_a_new_one() -> None:
    made = messages()
    made.repeated(PEER, 7, now=0)
    made.forget(PEER, 7)
    assert not made.repeated(PEER, 7, now=0)


def test_a_peer_gets_no_id_twice_however_many_others_there_are() -> None:
    made = messages()
    ids = []
    for number in range(1_000):
        ids.append(made.new_message_id(PEER, now=0))
        made.new_message_id(number, now=0)
    assert len(set(ids)) == len(ids)
    assert all(0 <= each <= 0xFFFF for each in ids)


def test_the_last_id_is_followed_by_the_first() -> None:
    made = messages()
    ids = [made.new_message_id(PEER, now=0) for _ in range(65_537)]
    assert sorted(ids[:-1]) == list(range(65_536))
    assert ids[-1] == ids[0]


def test_the_next_ids_of_many_peers_are_known_within_bounds() -> None:
    made = messages()
    for number in range(MOST_PEERS + 10):
        made.new_message_id(number, now=0)
    assert len(made._ids) == MOST_PEERS


def test_only_a_confirmable_message_is_reset() -> None:
    made = messages()
    made.reset(Message(Type.NON, Code.CONTENT, 1), PEER)
    made.reset(Message(Type.CON, Code.CONTENT, 2), PEER)
    assert made.datagrams() == [(bytes.fromhex("70000002"), PEER)]


def test_nothing_is_not_sent() -> None:
    made = messages()
    made.send(b"", PEER)
    assert made.datagrams() == []
