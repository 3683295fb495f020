from collections.abc import Iterator

import pytest

from homeport.dtls import records
from homeport.dtls.openssl import questions
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import AlertLevel, ContentType, Record
from homeport.dtls.suites import SUITES
from tests.support.dtls import meeting
from tests.support.handshakes import Meeting

CBC = SUITES[-1]
MESSAGE = (ContentType.APPLICATION, b"message")


@pytest.fixture
def met() -> Iterator[Meeting]:
    before = questions.living()
    made = meeting(CBC).run()
    yield made
    made.close()
    assert questions.living() == before


def sides(met: Meeting) -> tuple[OpenSslAssociation, OpenSslAssociation]:
    server, client = (each.association for each in met.established)
    assert isinstance(server, OpenSslAssociation)
    assert isinstance(client, OpenSslAssociation)
    return server, client


def sealed(by: OpenSslAssociation, *, spoiled: bool = False) -> Record:
    raw = by.seal(*MESSAGE)
    if spoiled:
        raw = raw[:-1] + bytes((raw[-1] ^ 1,))
    (record,) = records.parse(raw, 0)
    return record


def test_what_one_side_seals_the_other_opens(met: Meeting) -> None:
    server, client = sides(met)
    assert server.open(sealed(client)) == MESSAGE
    assert client.open(sealed(server)) == MESSAGE


def test_a_record_is_opened_once(met: Meeting) -> None:
    server, client = sides(met)
    record = sealed(client)
    assert server.open(record) == MESSAGE
    assert server.open(record) is None


def test_a_forged_record_is_silence(met: Meeting) -> None:
    server, client = sides(met)
    assert server.open(sealed(client, spoiled=True)) is None
    assert server.open(sealed(client)) == MESSAGE


def test_records_may_overtake_each_other(met: Meeting) -> None:
    server, client = sides(met)
    first, second = sealed(client), sealed(client)
    assert server.open(second) == MESSAGE
    assert server.open(first) == MESSAGE


def test_the_end_is_said_and_heard(met: Meeting) -> None:
    server, client = sides(met)
    goodbye = client.seal(ContentType.ALERT, records.alert(AlertLevel.WARNING, 0))
    (record,) = records.parse(goodbye, 0)
    assert server.open(record) == (ContentType.ALERT, bytes((1, 0)))
