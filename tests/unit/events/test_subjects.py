"""Wire names on NATS."""

from homeport.events import subjects
from homeport.events.facts import FactName
from homeport.names import AccountId, EdgeId

ACCOUNT = AccountId("a" * 32)


def test_a_fact_has_its_account_and_its_name_in_the_subject() -> None:
    assert (
        subjects.subject(ACCOUNT, FactName.DEVICE_REGISTERED)
        == f"homeport.v1.{ACCOUNT}.device.registered"
    )


def test_filters_cover_the_subjects_they_name() -> None:
    assert subjects.of_account(ACCOUNT) == f"homeport.v1.{ACCOUNT}.>"
    assert subjects.of_fact(FactName.QUEUE_CLEARED) == "homeport.v1.*.queue.cleared"
    assert subjects.EVERYTHING == "homeport.v1.>"


def test_an_edge_is_poked_outside_of_the_stream() -> None:
    assert subjects.poke(EdgeId("lwm2m-1")) == "homeport.edge.lwm2m-1.poke"
    assert subjects.POKES == "homeport.edge.*.poke"


def test_a_poke_says_which_edge_it_is_for() -> None:
    edge = EdgeId("lwm2m-1")
    assert subjects.poked(subjects.poke(edge)) == edge
    assert subjects.outbox(7) == "homeport.outbox.7"


def test_what_the_stream_has_is_told_by_accounts() -> None:
    assert subjects.stored(ACCOUNT) == f"homeport.stored.{ACCOUNT}.>"
    assert subjects.STORED == "homeport.stored.>"


def test_a_replay_is_known_by_its_durable() -> None:
    durable = subjects.replay_durable("ab", "cd")
    assert durable == "replay-ab-cd"
    assert subjects.is_replay(durable)
    assert not subjects.is_replay(subjects.DIRECTORY_DURABLE)
