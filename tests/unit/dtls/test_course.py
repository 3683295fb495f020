"""What both sides of a handshake keep to; the handshakes themselves are elsewhere."""

from homeport.dtls import records
from homeport.dtls.association import Association
from homeport.dtls.course import MOST_EARLY, Established, Failed
from homeport.dtls.credentials import Admission
from homeport.dtls.openssl import questions
from homeport.dtls.records import AlertLevel, ContentType, Record
from homeport.dtls.suites import SUITES
from homeport.identity import NOBODY
from tests.support.dtls import KEY, meeting
from tests.support.handshakes import Meeting

PSK = next(suite for suite in SUITES if suite.psk)


def asking() -> Meeting:
    """Run a meeting up to the question who the client is."""
    met = meeting(PSK)
    met.decided = True
    return met.run()


def test_giving_up_frees_everything_and_gives_the_reason() -> None:
    before = questions.living()
    met = asking()
    met.client.close()
    assert met.server is not None
    assert met.server.give_up() == met.server.result
    assert questions.living() == before


def test_a_side_that_has_come_to_a_result_does_nothing_more() -> None:
    met = meeting(PSK).run()
    for side in (met.server, met.client):
        assert side is not None
        assert isinstance(side.result, Established)
        assert side.deadline() is None
        side.tick(1e9)
        assert side.datagrams() == []
    met.close()


def test_few_records_are_kept_before_there_are_keys() -> None:
    met = asking()
    server = met.server
    assert server is not None
    for number in range(3 * MOST_EARLY):
        record = Record(ContentType.ALERT, 1, number, b"", b"x" * 40, b"x" * 53)
        server.receive([record], 0.0)
    assert len(server._waiting) == MOST_EARLY
    met.close()


def test_a_flight_that_was_held_back_ends_the_handshake_at_once() -> None:
    met = asking()
    server = met.server
    assert server is not None
    del server._held[3:]  # it was repeated
    server.admit(Admission(NOBODY, key=KEY.key), 0.0)
    assert isinstance(server.result, Established)
    met.close()


def test_a_finished_that_was_forged_is_as_good_as_lost() -> None:
    met = asking()
    server = met.server
    assert server is not None
    *server._held, finished = server._held[:3]
    server._held += records.parse(records.advanced(finished.raw, 2**40), 0)
    server.admit(Admission(NOBODY, key=KEY.key), 0.0)
    assert server.result is None
    server.receive([finished], 0.0)
    assert isinstance(server.result, Established)
    assert isinstance(server.result.association, Association)
    assert server.result.association.received == finished.sequence
    met.close()


def test_what_comes_behind_an_alert_is_left_alone() -> None:
    met = asking()
    assert met.server is not None
    raw = records.build(ContentType.ALERT, 0, 9, records.alert(AlertLevel.FATAL, 40))
    met.server.receive(records.parse(raw * 3, 0), 0.0)
    assert isinstance(met.server.result, Failed)
    met.close()


def test_a_side_that_failed_says_so_for_good() -> None:
    met = asking()
    assert met.server is not None
    failed = met.server.give_up()
    met.server.receive([Record(ContentType.HANDSHAKE, 0, 9, b"", b"x", b"x")], 0.0)
    assert met.server.result is failed
    assert isinstance(failed, Failed)
    met.close()


def test_the_session_is_not_in_words() -> None:
    met = meeting(PSK).run()
    server, _ = met.established
    assert server.session is not None
    assert "session=" not in repr(server)
    met.close()
