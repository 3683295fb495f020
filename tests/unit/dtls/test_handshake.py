import random
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.dtls import records
from homeport.dtls.association import CidForm
from homeport.dtls.client import DeviceKey
from homeport.dtls.context import LOWEST_MTU, CertifiedKey, ServerContext
from homeport.dtls.course import LARGEST_READ
from homeport.dtls.credentials import (
    Admission,
    Chain,
    Credential,
    Refusal,
    SharedKey,
)
from homeport.dtls.handshake import Established, Failed
from homeport.dtls.openssl import questions
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import ContentType
from homeport.dtls.suites import SUITES, Suite
from homeport.identity import NOBODY
from tests.support import certificates
from tests.support.certificates import Authority
from tests.support.dtls import KEY, again, house, meeting, offer
from tests.support.handshakes import (
    Decide,
    Meeting,
    admit_anchors,
    admit_key,
    straight,
    troubled,
)

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)
CBC = SUITES[-1]
AEAD = [suite for suite in SUITES if suite.aead is not None]
CERTIFICATE_UNKNOWN = 46
NAMED = certificates.authority("Another CA")

every_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
every_aead = pytest.mark.parametrize("suite", AEAD, ids=lambda suite: suite.name)
every_form = pytest.mark.parametrize("form", CidForm, ids=lambda form: form.name)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Count what OpenSSL holds: every way out has to free it."""
    before = questions.living()
    yield
    assert questions.living() == before


def talk(met: Meeting) -> None:
    """Send a message each way."""
    server, client = met.established
    assert met.open(client.association.seal(ContentType.APPLICATION, b"up")) == [
        (ContentType.APPLICATION, b"up")
    ]
    down = server.association.seal(ContentType.APPLICATION, b"down")
    (record,) = records.parse(down, len(met.offer.cid or b""))
    assert client.association.open(record) == (ContentType.APPLICATION, b"down")


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


def nothing_after_hello(datagram: bytes) -> Iterable[tuple[bytes, float]]:
    """Lose the client's second flight, and each repetition of it."""
    return [] if datagram[13] == 16 else straight(datagram)


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


def alerts(met: Meeting) -> list[int]:
    """Return the descriptions of the alerts that the server sent in clear."""
    return [
        record.fragment[1]
        for datagram in met.to_client
        for record in records.parse(datagram, 0)
        if record.kind == ContentType.ALERT and record.epoch == 0
    ]


def refused(credential: CertifiedKey | DeviceKey, decide: Decide) -> Meeting:
    """Run a meeting that has to fail."""
    suite = ECDSA if isinstance(credential, CertifiedKey) else PSK
    met = meeting(suite, credential=credential, decide=decide).run()
    assert met.server is not None
    assert not isinstance(met.server.result, Established)
    assert not isinstance(met.client.result, Established)
    return met


def test_a_key_that_differs_is_met_with_silence() -> None:
    met = refused(KEY, admit_key(b"another key"))
    assert met.failure == "the keys differ"
    assert alerts(met) == []
    met.close()


def test_an_unknown_identity_looks_like_a_key_that_differs() -> None:
    met = refused(KEY, lambda _: Refusal("nobody has this identity", alerts=True))
    assert met.failure == "nobody has this identity"
    assert alerts(met) == []
    other = refused(KEY, admit_key(b"another key"))
    assert [len(sent) for sent in met.to_client] == [
        len(sent) for sent in other.to_client
    ]
    for each in (met, other):
        each.close()


def test_no_key_at_all_opens_nothing() -> None:
    met = refused(KEY, admit_key(b""))
    met.close()


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (certificates.authority("Another CA").issue("device"), "local issuer"),
        (certificates.self_signed("device"), "self-signed"),
        (
            house().authority.issue("device", not_after=certificates.NOW),
            "certificate has expired",
        ),
        (
            house().authority.issue(
                "device", not_before=certificates.NOW + certificates.DAY / 2
            ),
            "not yet valid",
        ),
        (
            house().authority.issue("device", usage=certificates.SERVER),
            "certificate purpose",
        ),
    ],
    ids=["wrong CA", "self-signed", "expired", "not yet valid", "wrong usage"],
)
@pytest.mark.conforms("C-041", "Leshan X509Test")
def test_a_chain_that_proves_nothing_is_refused(
    credential: CertifiedKey, reason: str
) -> None:
    met = refused(credential, admit_anchors(house().authority.der))
    assert reason in met.failure.replace("self signed", "self-signed")
    assert alerts(met) != []
    met.close()


def test_a_peer_that_may_hear_no_alert_hears_none() -> None:
    met = refused(
        certificates.self_signed("device"),
        lambda _: Admission(NOBODY, anchors=(house().authority.der,), alerts=False),
    )
    assert alerts(met) == []
    met.close()


@pytest.mark.parametrize(
    ("refusal", "heard"),
    [
        (Refusal("is suspended"), [CERTIFICATE_UNKNOWN]),
        (Refusal("is suspended", alerts=False), []),
    ],
    ids=["alert", "silence"],
)
def test_a_refusal_comes_before_any_proof(refusal: Refusal, heard: list[int]) -> None:
    met = refused(house().device, lambda _: refusal)
    assert met.failure == "is suspended"
    assert alerts(met) == heard
    met.close()


def test_a_pinned_certificate_is_its_own_anchor() -> None:
    pinned = certificates.self_signed("device")
    decide = admit_anchors(*pinned.chain)
    met = meeting(ECDSA, credential=pinned, decide=decide).run()
    talk(met)
    met.close()


def test_anchors_are_those_of_one_client_only() -> None:
    other = certificates.authority("Another CA")
    decide = admit_anchors(other.der)
    met = meeting(ECDSA, credential=other.issue("device"), decide=decide).run()
    talk(met)
    refused(other.issue("device"), admit_anchors(house().authority.der)).close()
    met.close()


@pytest.mark.parametrize(
    "identity", [b"i" * 129, b"\xff\xfe"], ids=["129 bytes", "no UTF-8"]
)
@pytest.mark.conforms("C-216")
def test_an_identity_that_is_none_is_refused_unasked(identity: bytes) -> None:
    met = refused(DeviceKey(identity, KEY.key), admit_key(KEY.key))
    assert "PSK identity" in met.failure
    assert not met.decided
    met.close()


@pytest.mark.conforms("C-216")
def test_an_identity_with_nul_is_refused_unasked() -> None:
    met = tampered(PSK, lambda raw: raw.replace(b"device", b"dev\0ce"))
    assert "NUL" in met.failure
    met.close()


def tampered(suite: Suite, change: Callable[[bytes], bytes]) -> Meeting:
    """Run a meeting whose client flight is changed on its way."""

    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        flight = datagram[13] in (11, 16)
        return straight(change(datagram) if flight else datagram)

    met = meeting(suite, line=line).run()
    assert met.server is not None
    assert not isinstance(met.server.result, Established)
    return met


def without(kind: int) -> Callable[[bytes], bytes]:
    """Take a handshake message out, and close the gap in the numbers."""

    def change(datagram: bytes) -> bytes:
        kept, gap = [], 0
        for record in records.parse(datagram, 0):
            fragment = record.fragment
            if record.epoch == 0 and record.kind == ContentType.HANDSHAKE:
                if fragment[0] == kind:
                    gap = 1
                    continue
                number = int.from_bytes(fragment[4:6], "big") - gap
                fragment = fragment[:4] + number.to_bytes(2, "big") + fragment[6:]
            kept.append(
                records.build(record.kind, record.epoch, record.sequence, fragment)
            )
        return b"".join(kept)

    return change


def flipped(kind: int) -> Callable[[bytes], bytes]:
    """Flip the last bit of a handshake message, or with epoch 1 of the Finished."""

    def change(datagram: bytes) -> bytes:
        parts = []
        for record in records.parse(datagram, 0):
            raw = record.raw
            finished = record.epoch == 1 and kind == 20
            if finished or (record.epoch == 0 and record.fragment[0] == kind):
                raw = raw[:-1] + bytes((raw[-1] ^ 1,))
            parts.append(raw)
        return b"".join(parts)

    return change


CERTIFICATE, CERTIFICATE_VERIFY, KEY_EXCHANGE, FINISHED = 11, 15, 16, 20


@pytest.mark.parametrize("kind", [CERTIFICATE, CERTIFICATE_VERIFY, KEY_EXCHANGE])
@pytest.mark.conforms("C-219", "CVE-2021-34433")
def test_no_message_of_a_certified_client_can_be_left_out(kind: int) -> None:
    tampered(ECDSA, without(kind)).close()


@pytest.mark.parametrize(
    "kind", [CERTIFICATE, CERTIFICATE_VERIFY, KEY_EXCHANGE, FINISHED]
)
def test_no_message_of_a_certified_client_can_be_changed(kind: int) -> None:
    tampered(ECDSA, flipped(kind)).close()


def test_a_finished_that_was_changed_is_met_with_silence() -> None:
    met = tampered(PSK, flipped(FINISHED))
    assert met.failure == "the keys differ"
    assert alerts(met) == []
    met.close()


@pytest.mark.parametrize("suite", [PSK, CBC], ids=["AEAD", "CBC"])
def test_a_forged_finished_does_not_stand_in_the_way_of_the_true_one(
    suite: Suite,
) -> None:
    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        forged = flipped(FINISHED)(datagram)
        return [(each, 0.0) for each in dict.fromkeys((forged, datagram))]

    met = meeting(suite, line=line).run()
    assert met.established
    met.close()


def test_a_client_without_certificate_is_refused() -> None:
    empty = bytes.fromhex("0b 000003 0002 000000 000003 000000")

    def change(datagram: bytes) -> bytes:
        first, *rest = records.parse(datagram, 0)
        shown = records.build(first.kind, 0, first.sequence, empty)
        return shown + b"".join(record.raw for record in rest)

    met = tampered(ECDSA, change)
    assert met.failure == "has no certificate"
    met.close()


def test_a_chain_of_50_kilobytes_is_not_even_kept() -> None:
    made = house()
    above = [certificates.authority(f"CA {place}").der for place in range(9)]
    heavy = made.authority.issue("device", above=above, padding=50_000)
    met = refused(heavy, admit_anchors(made.authority.der))
    assert met.failure == "is a flight that is too long"
    met.close()


def test_a_flight_too_long_for_one_read_is_taken_record_by_record() -> None:
    made = house()
    heavy = made.authority.issue("device", padding=15_000)
    met = meeting(ECDSA, credential=heavy, mtu=LOWEST_MTU).run()
    assert sum(map(len, met.to_server)) > LARGEST_READ
    assert met.now == 0.0, "something had to be repeated"
    talk(met)
    met.close()


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


def test_a_client_that_trusts_us_not_ends_it() -> None:
    other = certificates.authority("Another CA")
    distrusting = replace(offer(ECDSA, CidForm.NONE), anchors=(other.der,))
    met = meeting(ECDSA, offered=distrusting).run()
    assert isinstance(met.client.result, Failed)
    assert "alert unknown ca" in met.failure
    met.close()


def test_without_a_suite_in_common_nothing_is_said() -> None:
    met = meeting(ECDSA, context=ServerContext(None)).run()
    assert "no shared cipher" in met.failure
    assert alerts(met) == []
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


def test_a_handshake_that_is_left_is_freed() -> None:
    before = questions.living()
    met = meeting(PSK, line=nothing_after_hello).run()
    assert questions.living() == before + 2
    met.close()
    met.close()


@given(noise=st.lists(st.binary(max_size=60), max_size=5), seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_noise_in_the_flight_is_survived(noise: list[bytes], seed: int) -> None:
    chance = random.Random(seed)

    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        if datagram[13] not in (11, 16):
            return straight(datagram)
        spoiled = bytearray(datagram)
        spoiled[chance.randrange(len(spoiled))] ^= chance.randrange(256)
        forged = [
            records.build(22, chance.randrange(2), chance.randrange(9), part or b"\0")
            for part in noise
        ]
        return [(each, 0.0) for each in (*forged, bytes(spoiled), datagram)]

    met = meeting(PSK, line=line).run()
    assert met.server is not None
    met.close()
