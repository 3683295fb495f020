"""Flights of a handshake: lost, said again, held back, and cut to the MTU."""

from collections.abc import Iterable

import pytest

from homeport.dtls import records
from homeport.dtls.association import CidForm
from homeport.dtls.context import LOWEST_MTU
from homeport.dtls.course import LARGEST_READ
from homeport.dtls.handshake import Established, ServerHandshake
from homeport.dtls.openssl import questions
from homeport.dtls.records import ContentType
from homeport.dtls.suites import SUITES, Suite
from tests.support import hellos
from tests.support.dtls import again, house, meeting, server_context, talk
from tests.support.handshakes import Meeting, straight

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)


@pytest.mark.parametrize("suite", [ECDSA, PSK], ids=["ECDSA", "PSK"])
def test_the_last_flight_is_not_sent_before_its_caller_has_committed(
    suite: Suite,
) -> None:
    met = meeting(suite).run()
    server, _ = met.established
    assert server.last_flight != ()
    assert met.server is not None
    assert met.server.datagrams() == []
    assert met.to_client[-len(server.last_flight) :] == list(server.last_flight)
    met.close()


def test_a_last_flight_that_is_lost_is_asked_for() -> None:
    dropped = []

    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        if datagram[0] == ContentType.CHANGE_CIPHER_SPEC and not dropped:
            dropped.append(datagram)
            return []
        return straight(datagram)

    met = meeting(PSK, line=line).run()
    server, _ = met.established
    assert dropped == list(server.last_flight)
    assert dropped[0] in met.to_client[-2:]
    met.close()


@pytest.mark.conforms("C-061", "RFC 6347 §4.1.1")
def test_nothing_is_sent_above_the_mtu() -> None:
    met = meeting(ECDSA, CidForm.DRAFT, mtu=256).run()
    assert max(map(len, met.to_server + met.to_client)) <= 256
    met.close()


def test_a_server_that_hears_nothing_repeats_itself_later_and_later() -> None:
    moments = []
    met = meeting(PSK, line=lambda datagram: deaf(datagram, moments, met))
    met.run()
    assert [round(moment) for moment in moments][:7] == [1, 3, 7, 15, 31, 63, 123]
    assert met.failure == "the peer fell silent"
    met.close()


def deaf(
    datagram: bytes, moments: list[float], met: Meeting
) -> Iterable[tuple[bytes, float]]:
    """Let nothing through once the server has begun."""
    if met.server is None:
        return straight(datagram)
    if datagram in met.to_client and met.now:
        moments.append(met.now)
    return []


def test_repetitions_have_record_numbers_of_their_own() -> None:
    met = meeting(PSK, CidForm.RFC, line=nothing_after_hello)
    met.run()
    sent = [
        (record.epoch, record.sequence)
        for datagram in met.to_client
        for record in records.parse(datagram, 0)
    ]
    assert len(sent) > 6
    assert len(set(sent)) == len(sent)
    met.close()


@pytest.mark.parametrize("number", [2, 2**48 - 2, 2**48 - 1])
def test_records_are_numbered_on_from_those_of_the_hello(number: int) -> None:
    content = hellos.body(cookie=b"c" * 32, suites=PSK.number.to_bytes(2, "big"))
    hello = hellos.datagram(content, message=1, record=number)
    received = records.parse(hello, 0)
    server = ServerHandshake(server_context(), hellos.parse(hello))
    server.receive(received, 0.0)
    server.tick(1.0)
    sent = [
        record.sequence
        for datagram in server.datagrams()
        for record in records.parse(datagram, 0)
    ]
    assert sent == [(number + count) % 2**48 for count in range(len(sent))]
    assert len(sent) == 4
    server.close()


def nothing_after_hello(datagram: bytes) -> Iterable[tuple[bytes, float]]:
    """Lose the client's second flight, and each repetition of it."""
    return [] if datagram[13] == 16 else straight(datagram)


def test_what_arrives_ahead_of_the_end_is_not_lost() -> None:
    first = meeting(PSK, CidForm.RFC).run()
    met = again(first)
    held: list[bytes] = []

    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        if datagram[0] != ContentType.CHANGE_CIPHER_SPEC:
            return straight(datagram)
        client = met.client.result
        assert isinstance(client, Established)
        held.append(client.association.seal(ContentType.APPLICATION, b"early"))
        return [(held[0], 0.0), (datagram, 0.1)]

    met.line = line
    met.run()
    server, _ = met.established
    assert len(server.early) == 1
    assert met.heard == [(ContentType.APPLICATION, b"early")]
    for each in (first, met):
        each.close()


def test_a_flight_too_long_for_one_read_is_taken_record_by_record() -> None:
    made = house()
    heavy = made.authority.issue("device", padding=15_000)
    met = meeting(ECDSA, credential=heavy, mtu=LOWEST_MTU).run()
    assert sum(map(len, met.to_server)) > LARGEST_READ
    assert met.now == 0.0, "something had to be repeated"
    talk(met)
    met.close()


def test_a_handshake_that_is_left_is_freed() -> None:
    before = questions.living()
    met = meeting(PSK, line=nothing_after_hello).run()
    assert questions.living() == before + 2
    met.close()
    met.close()
