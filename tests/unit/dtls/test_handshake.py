"""What both sides of a handshake come to, with every suite."""

import random
import struct
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.dtls import records
from homeport.dtls.association import CidForm
from homeport.dtls.context import ServerContext
from homeport.dtls.credentials import Chain, Credential, Refusal, SharedKey
from homeport.dtls.openssl import questions
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import ContentType
from homeport.dtls.suites import SUITES, Suite
from tests.support import certificates
from tests.support.certificates import Authority
from tests.support.dtls import KEY, again, house, meeting, offer, talk
from tests.support.handshakes import Meeting, troubled

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)
CBC = SUITES[-1]
AEAD = [suite for suite in SUITES if suite.aead is not None]
NAMED = certificates.authority("Another CA")

every_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
every_aead = pytest.mark.parametrize("suite", AEAD, ids=lambda suite: suite.name)
every_form = pytest.mark.parametrize("form", CidForm, ids=lambda form: form.name)


def extension(met: Meeting, number: int) -> bool:
    """Say whether the server's hello has an extension."""
    hello = next(
        record.fragment[12:]
        for datagram in met.to_client
        for record in records.parse(datagram, 0)
        if record.fragment[0] == 2
    )
    at = 35 + hello[34] + 3 + 2
    numbers = []
    while at < len(hello):
        found, length = struct.unpack_from("!HH", hello, at)
        numbers.append(found)
        at += 4 + length
    return number in numbers


@every_suite
@every_form
@pytest.mark.parametrize("cid", [b"", b"abc"], ids=["no own cid", "own cid"])
def test_both_sides_agree(suite: Suite, form: CidForm, cid: bytes) -> None:
    met = meeting(suite, form, cid=cid).run()
    assert not met.established[0].resumed
    talk(met)
    met.close()


@every_aead
@every_form
@pytest.mark.parametrize("cid", [b"", b"abc"], ids=["no own cid", "own cid"])
def test_a_session_is_resumed_without_a_credential(
    suite: Suite, form: CidForm, cid: bytes
) -> None:
    first = meeting(suite, form, cid=cid).run()
    met = again(first).run()
    server, client = met.established
    assert server.resumed
    assert client.resumed
    assert server.last_flight == ()
    assert client.last_flight != ()
    assert met.server is not None
    assert met.server.credential is None
    talk(met)
    for each in (first, met):
        each.close()


@every_suite
@every_form
@given(seed=st.integers(0, 2**32), mtu=st.sampled_from((256, 400, 1200)))
@settings(max_examples=10)
def test_a_bad_line_delays_but_does_not_hinder(
    suite: Suite, form: CidForm, seed: int, mtu: int
) -> None:
    chance = random.Random(seed)
    first = meeting(suite, form, cid=b"abc", line=troubled(chance), mtu=mtu).run()
    talk(first)
    first.close()
    if suite.aead is None:
        return
    met = again(first, line=troubled(chance)).run()
    assert met.established[0].resumed
    talk(met)
    met.close()


@every_form
@pytest.mark.conforms("C-051", "C-052", "RFC 9146", "TLS-29")
def test_records_reach_the_server_under_its_connection_id(form: CidForm) -> None:
    met = meeting(PSK, form).run()
    _, client = met.established
    sealed = client.association.seal(ContentType.APPLICATION, b"up")
    assert sealed[0] == (ContentType.CID if form else ContentType.APPLICATION)
    assert (met.cid in sealed) == bool(form)
    met.close()


@pytest.mark.conforms("C-051", "B-223")
def test_the_rfc_comes_before_the_draft() -> None:
    both = replace(offer(PSK, CidForm.DRAFT), forms=(CidForm.DRAFT, CidForm.RFC))
    met = meeting(PSK, offered=both).run()
    talk(met)
    assert extension(met, CidForm.RFC)
    assert not extension(met, CidForm.DRAFT)
    met.close()


def test_cbc_stays_with_openssl_and_without_connection_id() -> None:
    before = questions.living()
    met = meeting(CBC, CidForm.RFC).run()
    server, _ = met.established
    assert isinstance(server.association, OpenSslAssociation)
    assert server.session is None
    assert not extension(met, CidForm.RFC)
    assert questions.living() == before + 2
    met.close()


@pytest.mark.conforms("C-049", "TLS-16")
def test_the_server_hello_tells_the_time() -> None:
    met = meeting(PSK).run()
    hello = met.to_client[1]
    (told,) = struct.unpack_from("!I", hello, 13 + 12 + 2)
    assert abs(told - time.time()) < 5
    met.close()


def test_there_are_no_tickets() -> None:
    met = meeting(PSK).run()
    assert not any(datagram[13] == 4 for datagram in met.to_client)
    assert not extension(met, 35)
    met.close()


@pytest.mark.parametrize("suite", [ECDSA, PSK], ids=["ECDSA", "PSK"])
def test_the_flight_waits_for_the_trust_view(suite: Suite) -> None:
    met = meeting(suite)
    met.decided = True
    met.run()
    assert met.server is not None
    assert met.server.credential is not None
    assert met.server.deadline() is None
    assert met.failure == "nobody said who the peer is"
    met.close()


def test_the_credential_is_what_the_client_showed() -> None:
    shown = []

    def refuse(credential: Credential) -> Refusal:
        shown.append(credential)
        return Refusal("is looked at only")

    for suite in (PSK, ECDSA):
        meeting(suite, decide=refuse).run().close()
    assert shown == [SharedKey(KEY.identity), Chain(house().device.chain)]


@pytest.mark.conforms("C-044", "Leshan SniTest", "RFC 6066 §3")
@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("home.example", NAMED),
        ("HOME.example.", NAMED),
        ("one.farm.example", NAMED),
        ("farm.example", house().authority),
        ("elsewhere.example", house().authority),
        ("192.0.2.1", house().authority),
        ("", house().authority),
    ],
)
def test_a_client_is_shown_the_certificate_of_the_host_that_it_asks_for(
    host: str, shown: Authority
) -> None:
    certified = NAMED.issue("home", usage=certificates.SERVER)
    context = ServerContext(
        house().server, hosts={"home.example": certified, "*.farm.example": certified}
    )
    asked = replace(offer(ECDSA, CidForm.NONE), anchors=(shown.der,), host=host)
    met = meeting(ECDSA, offered=asked, context=context).run()
    talk(met)
    met.close()


def test_a_session_that_the_store_has_lost_costs_a_full_handshake() -> None:
    first = meeting(PSK).run()
    met = again(first)
    met.session = b""
    assert not met.run().established[0].resumed
    for each in (first, met):
        each.close()


def test_a_session_that_is_spoiled_costs_a_full_handshake() -> None:
    first = meeting(PSK).run()
    met = again(first)
    met.session = met.session[:-5]
    assert not met.run().established[0].resumed
    for each in (first, met):
        each.close()


def test_a_hello_inside_an_association_begins_nothing() -> None:
    before = questions.living()
    met = meeting(PSK, CidForm.RFC).run()
    _, client = met.established
    hello = records.parse(met.to_server[1], 0)[0].fragment
    opened = met.open(client.association.seal(ContentType.HANDSHAKE, hello))
    assert opened == [(ContentType.HANDSHAKE, hello)]
    assert questions.living() == before
    met.close()
