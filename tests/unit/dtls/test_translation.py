import pytest

from homeport.dtls import records
from homeport.dtls.association import CidForm, Protection
from homeport.dtls.keys import derive
from homeport.dtls.negotiation import CidNegotiation
from homeport.dtls.openssl.connection import Secrets
from homeport.dtls.records import ContentType
from homeport.dtls.suites import SUITES, Aead
from homeport.dtls.translation import AeadTranslation, Untranslated

SECRETS = Secrets(b"m" * 48, b"c" * 32, b"s" * 32)
KEYS = derive(SECRETS.master, client_random=b"c" * 32, server_random=b"s" * 32)
SUITE = SUITES[0]


def translation(form: CidForm) -> AeadTranslation:
    cids = CidNegotiation(b"ours")
    if form:
        cids.take(form, b"\x06theirs")
    return AeadTranslation(SUITE, SECRETS, cids, server=True)


def protections(form: CidForm) -> tuple[Protection, Protection]:
    """Return how the client protects what it sends, and reads what it gets."""
    aead = SUITE.aead
    assert isinstance(aead, Aead)
    up, down = (b"ours", b"theirs") if form else (b"", b"")
    return (
        Protection(aead, KEYS.client, form, up),
        Protection(aead, KEYS.server, form, down),
    )


@pytest.mark.parametrize("form", CidForm, ids=lambda form: form.name)
def test_openssl_gets_the_same_content_under_the_same_number(form: CidForm) -> None:
    peer, _ = protections(form)
    (record,) = records.parse(peer.seal(ContentType.HANDSHAKE, 3, b"finished"), 4)
    inward = translation(form).inward(record)
    assert inward is not None
    kind, translated = inward
    (plain,) = records.parse(translated, 0)
    assert (kind, plain.kind) == (ContentType.HANDSHAKE, ContentType.HANDSHAKE)
    assert plain.sequence == 3
    openssl = Protection(peer.aead, KEYS.client)
    assert openssl.open(plain) == (ContentType.HANDSHAKE, b"finished")


@pytest.mark.parametrize("form", CidForm, ids=lambda form: form.name)
def test_the_peer_gets_the_same_content_under_the_number_given(form: CidForm) -> None:
    _, peer = protections(form)
    openssl = Protection(peer.aead, KEYS.server)
    sealed = openssl.seal(ContentType.HANDSHAKE, 0, b"finished")
    (record,) = records.parse(translation(form).outward(sealed, 9), 6)
    assert record.sequence == 9
    assert peer.open(record) == (ContentType.HANDSHAKE, b"finished")


@pytest.mark.parametrize(
    ("form", "stays"), [(CidForm.NONE, True), (CidForm.RFC, False)]
)
def test_a_first_record_without_connection_id_stays_what_it_is(
    form: CidForm, *, stays: bool
) -> None:
    _, peer = protections(form)
    openssl = Protection(peer.aead, KEYS.server)
    sealed = openssl.seal(ContentType.HANDSHAKE, 0, b"finished")
    assert (translation(form).outward(sealed, 0) == sealed) is stays


def test_no_nonce_of_openssls_own_reaches_the_peer() -> None:
    _, peer = protections(CidForm.NONE)
    position, nonce = bytes.fromhex("0001 000000000000"), b"\xa5" * 8
    fragment = nonce + peer.aead.cipher(KEYS.server[:16]).encrypt(
        KEYS.server[16:] + nonce,
        b"finished",
        position + bytes.fromhex("16 fefd 0008"),
    )
    raw = records.build(ContentType.HANDSHAKE, 1, 0, fragment)
    (record,) = records.parse(translation(CidForm.NONE).outward(raw, 0), 0)
    assert record.fragment[:8] == position
    assert peer.open(record) == (ContentType.HANDSHAKE, b"finished")


def test_a_forged_record_does_not_reach_openssl() -> None:
    peer, _ = protections(CidForm.RFC)
    sealed = peer.seal(ContentType.HANDSHAKE, 3, b"finished")
    (record,) = records.parse(sealed[:-1] + bytes((sealed[-1] ^ 1,)), 4)
    assert translation(CidForm.RFC).inward(record) is None


def test_a_record_of_openssls_that_we_can_not_open_is_our_mistake() -> None:
    raw = records.build(ContentType.HANDSHAKE, 1, 0, bytes(40))
    with pytest.raises(AssertionError, match="other keys"):
        translation(CidForm.NONE).outward(raw, 0)


def test_what_openssl_protects_stays_what_it_is() -> None:
    raw = records.build(ContentType.HANDSHAKE, 1, 4, bytes(64))
    (record,) = records.parse(raw, 0)
    translation = Untranslated(SUITES[-1])
    assert translation.inward(record) == (ContentType.HANDSHAKE, raw)
    assert translation.outward(raw, 9) == raw
