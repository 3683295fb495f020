"""Handshakes, case by case: what devices may say, and what gets nobody in."""

import os
from collections.abc import Callable, Iterable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.dtls import messages, records
from homeport.dtls.association import CidForm
from homeport.dtls.context import ServerContext
from homeport.dtls.credentials import Refusal
from homeport.dtls.handshake import Established
from homeport.dtls.messages import HandshakeType
from homeport.dtls.openssl import questions
from homeport.dtls.records import ContentType, Record
from homeport.dtls.suites import SUITES, Suite
from tests.support import certificates, hellos
from tests.support.dtls import house, meeting, server_context
from tests.support.handshakes import Line, Meeting, admit_key, straight

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)
SIGNALING = 0x00FF
"""Stands in a list of suites and is none (RFC 5746 §3.3)."""
CERTIFICATE_VERIFY = 15
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (SEC 2)."""

Change = Callable[[bytes], bytes]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Count what OpenSSL holds: every way out has to free it."""
    before = questions.living()
    yield
    assert questions.living() == before


def changing(kind: int, change: Change) -> Line:
    """Make a line that changes the body of a handshake message."""

    def changed(record: Record) -> bytes:
        fragment = record.fragment
        clear = record.kind == ContentType.HANDSHAKE and record.epoch == 0
        if not clear or fragment[0] != kind:
            return record.raw
        sequence = int.from_bytes(fragment[4:6], "big")
        built = messages.build(fragment[0], sequence, change(fragment[12:]))
        return records.build(record.kind, 0, record.sequence, built)

    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        parsed = records.parse(datagram, 0)
        whole = sum(len(record.raw) for record in parsed) == len(datagram)
        return straight(b"".join(map(changed, parsed)) if whole else datagram)

    return line


def signed(signature: bytes) -> Line:
    """Make a line that puts another signature into the CertificateVerify."""
    length = len(signature).to_bytes(2, "big")
    return changing(CERTIFICATE_VERIFY, lambda body: body[:2] + length + signature)


def showing(*chain: bytes) -> Line:
    """Make a line that puts another chain into the client's Certificate."""
    listed = b"".join(len(each).to_bytes(3, "big") + each for each in chain)

    def change(body: bytes) -> bytes:
        (own, *_) = messages.parse_certificate(body)
        ours = own == house().server.chain[0]
        return body if ours else len(listed).to_bytes(3, "big") + listed

    return changing(HandshakeType.CERTIFICATE, change)


def fails(line: Line, suite: Suite = ECDSA) -> str:
    """Let a device meet us over a line; say why that has come to nothing."""
    met = meeting(suite, line=line).run()
    assert met.server is not None
    assert not isinstance(met.server.result, Established)
    reason = met.failure
    met.close()
    return reason


def succeeds(suite: Suite = ECDSA, **changed: object) -> Meeting:
    """Let a good device meet us."""
    met = meeting(suite, **changed).run()
    assert met.established
    met.close()
    return met


# --- what devices say ----------------------------------------------------------------


@pytest.mark.conforms("C-047", "TLS-3")
@pytest.mark.parametrize("suite", [ECDSA, PSK], ids=lambda suite: suite.name)
@pytest.mark.parametrize("version", ["fe00", "feff", "fefd"])
def test_the_record_of_a_hello_may_have_any_version_of_dtls(
    version: str, suite: Suite
) -> None:
    def line(datagram: bytes) -> Iterable[tuple[bytes, float]]:
        hello = datagram[0] == ContentType.HANDSHAKE and datagram[13] == 1
        changed = datagram[:1] + bytes.fromhex(version) + datagram[3:]
        return straight(changed if hello else datagram)

    succeeds(suite, line=line)


@pytest.mark.conforms("C-048", "TLS-5")
def test_a_device_with_one_suite_gets_that_suite() -> None:
    assert (ECDSA.number, ECDSA.name) == (0xC0AE, "ECDHE-ECDSA-AES128-CCM8")
    met = succeeds(ECDSA)
    hello = hellos.parse(met.to_server[0])
    assert set(hellos.suites(hello)) - {SIGNALING} == {0xC0AE}
    assert met.established[0].association.suite is ECDSA


# --- who gets nobody in --------------------------------------------------------------


DEGENERATE = {
    "zeros": encode_dss_signature(0, 0),
    "r is zero": encode_dss_signature(0, 1),
    "s is zero": encode_dss_signature(1, 0),
    "r is the order": encode_dss_signature(ORDER, 1),
    "s is the order": encode_dss_signature(1, ORDER),
    "both are the order": encode_dss_signature(ORDER, ORDER),
    "above the order": encode_dss_signature(ORDER + 1, ORDER + 1),
    "negative": bytes.fromhex("3006 0201ff 0201ff"),
    "empty numbers": bytes.fromhex("3004 0200 0200"),
    "no numbers": bytes.fromhex("3000"),
    "nothing": b"",
    "very long": encode_dss_signature(1 << 4096, 1 << 4096),
    "a length without end": bytes.fromhex("3084ffffffff 020101 020101"),
}


@pytest.mark.conforms("C-223", "CVE-2022-21449")
@pytest.mark.parametrize("signature", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_a_degenerate_signature_proves_nothing(signature: bytes) -> None:
    fails(signed(signature))
    succeeds()


MALFORMED = {
    "no certificate": b"certificate",
    "nothing but a length": bytes.fromhex("3084ffffffff"),
    "a sequence within a sequence": bytes.fromhex("3080") * 500,
    "without its end": house().device.chain[0][:-40],
    "with something behind": house().device.chain[0] + b"more",
    "without a key": house()
    .device.chain[0]
    .replace(b"\x03\x42\x00\x04", b"\x03\x42\x00\x09"),
    "of zeros": bytes(500),
}


@pytest.mark.conforms("C-228", "CVE-2025-65499")
@pytest.mark.parametrize("certificate", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_certificate_is_refused_and_the_next_device_comes_in(
    certificate: bytes,
) -> None:
    fails(showing(certificate))
    fails(showing(house().device.chain[0], certificate))
    succeeds()


@pytest.mark.conforms("C-228", "CVE-2025-65499")
@given(
    at=st.integers(0, len(house().device.chain[0]) - 1),
    changed=st.binary(min_size=1, max_size=4),
)
@settings(max_examples=30)
def test_a_certificate_with_changed_bytes_gets_nobody_in(
    at: int, changed: bytes
) -> None:
    own = house().device.chain[0]
    spoiled = own[:at] + changed + own[at + len(changed) :]
    if spoiled != own:
        fails(showing(spoiled))


def stranger() -> Meeting:
    other = certificates.authority("Another CA").issue("device")
    return meeting(ECDSA, credential=other)


def without_suite() -> Meeting:
    return meeting(ECDSA, context=ServerContext(None))


def wrong_key() -> Meeting:
    return meeting(PSK, decide=admit_key(b"another key"))


KINDS: dict[str, Callable[[], Meeting]] = {
    "of another authority": stranger,
    "self-signed": lambda: meeting(
        ECDSA, credential=certificates.self_signed("device")
    ),
    "refused": lambda: meeting(ECDSA, decide=lambda _: Refusal("is suspended")),
    "degenerate": lambda: meeting(ECDSA, line=signed(DEGENERATE["zeros"])),
    "malformed": lambda: meeting(ECDSA, line=showing(MALFORMED["of zeros"])),
    "of nonsense": lambda: meeting(
        ECDSA, line=changing(CERTIFICATE_VERIFY, lambda _: os.urandom(70))
    ),
    "without a suite": without_suite,
    "with a wrong key": wrong_key,
}
"""Each kind of handshake that comes to nothing."""


@pytest.mark.conforms("C-218", "CVE-2020-27222")
@pytest.mark.parametrize("kind", KINDS)
def test_after_a_handshake_that_failed_the_next_one_succeeds(kind: str) -> None:
    context = server_context()
    failed = KINDS[kind]().run()
    assert failed.server is not None
    assert not isinstance(failed.server.result, Established)
    failed.close()
    for suite in (ECDSA, PSK):
        met = meeting(suite, CidForm.RFC, context=context).run()
        assert met.established
        met.close()
