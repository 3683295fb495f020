"""Our own CAs sign what devices accept, and a CA that is brought along is looked at."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID
from cryptography.x509.verification import PolicyBuilder, Store

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.pki import authorities, certificates, keys, pem
from homeport.pki.authorities import Authority
from homeport.pki.keys import CertifiedKey
from homeport.pki.subjects import Subject
from tests.support.foreign import NOW, Holder, authority, certify, with_null

ROOT = authorities.create_root("Homeport servers")
HOSTS = ["bootstrap.example.com", "192.0.2.1", "2001:db8::1"]


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return pem.build(pem.PRIVATE_KEY, keys.encode(key))


def bring(holder: Holder, *, now: datetime = NOW) -> Authority:
    return authorities.parse(holder.pem, key_pem(holder.key), now=now)


@pytest.mark.conforms("C-050", "TLS-18", "B-071")
def test_the_root_is_there_for_devices_without_a_clock() -> None:
    root = ROOT.certificate.parsed
    assert root.not_valid_before_utc == datetime(1970, 1, 1, tzinfo=UTC)
    assert root.not_valid_after_utc == datetime(2049, 12, 31, tzinfo=UTC)
    assert root.signature_algorithm_oid == SignatureAlgorithmOID.ECDSA_WITH_SHA256
    assert ROOT.certificate.is_authority
    assert ROOT.certificate.is_signed_by(ROOT.certificate)
    assert len(ROOT.certificate.der) <= authorities.LARGEST


def test_the_issuer_is_dated_like_any_ca() -> None:
    issuer = authorities.create_issuer("Homeport devices", now=NOW).certificate
    assert issuer.parsed.not_valid_before_utc == NOW - timedelta(days=1)
    assert issuer.parsed.not_valid_after_utc == NOW.replace(year=2046)
    assert issuer.is_authority


def test_an_authority_loads_as_it_was_exported() -> None:
    loaded = Authority.load(ROOT.export())
    assert loaded.certificate == ROOT.certificate
    assert loaded.export() == ROOT.export()
    assert "key" not in repr(ROOT)


def test_a_broken_authority_does_not_load() -> None:
    whole = ROOT.export()
    with pytest.raises(InvalidFormat):
        Authority.load(CertifiedKey(whole.certificate[:-1], whole.key))
    with pytest.raises(InvalidFormat):
        Authority.load(CertifiedKey(whole.certificate, whole.key[:-1]))


@pytest.mark.parametrize("year", [1971, 2026, 2049])
@pytest.mark.conforms("C-050", "B-071")
def test_a_server_is_trusted_by_all_its_names_at_any_time(year: int) -> None:
    server = authorities.create_server(ROOT, HOSTS)
    policy = (
        PolicyBuilder()
        .store(Store([ROOT.certificate.parsed]))
        .time(datetime(year, 1, 1, tzinfo=UTC))
    )
    leaf = x509.load_der_x509_certificate(server.certificate)
    for name in (
        x509.DNSName(HOSTS[0]),
        *(x509.IPAddress(ip_address(host)) for host in HOSTS[1:]),
    ):
        policy.build_server_verifier(name).verify(leaf, [])
    assert leaf.public_key() == keys.decode(server.key).public_key()


def test_a_server_is_nothing_but_a_server() -> None:
    server = authorities.create_server(ROOT, HOSTS)
    leaf = certificates.parse(server.certificate)
    usage = leaf.parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not leaf.is_authority
    assert leaf.subject == Subject(common_name=HOSTS[0])


def test_a_long_host_name_is_no_longer_than_a_common_name_may_be() -> None:
    host = f"{'a' * 60}.{'b' * 60}.example.com"
    server = authorities.create_server(ROOT, [host])
    assert certificates.parse(server.certificate).subject.common_name == host[:64]


def test_a_server_with_too_many_names_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="bytes, more than 1024"):
        authorities.create_server(ROOT, [f"{n}.example.com" for n in range(60)])


def test_a_host_name_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="hosts name 'b"):
        authorities.create_server(ROOT, ["bücher.example.com"])


def test_what_is_signed_names_the_key_as_its_ca_does() -> None:
    words = x509.SubjectKeyIdentifier(b"its own words")
    root = bring(certify(Subject(common_name="Brought"), ca=True, names_key=words))
    server = authorities.create_server(root, HOSTS)
    leaf = x509.load_der_x509_certificate(server.certificate)
    named = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    assert named.value.key_identifier == words.digest


@pytest.mark.parametrize("year", [1971, 2049])
def test_who_knows_the_former_root_believes_a_server_of_the_new_one(year: int) -> None:
    former = authorities.create_root("Former root")
    bridge = authorities.bridge(ROOT.certificate, former=former)
    server = authorities.create_server(ROOT, HOSTS)
    leaf = x509.load_der_x509_certificate(server.certificate)
    between = x509.load_der_x509_certificate(bridge)
    for root in (former, ROOT):
        policy = PolicyBuilder().store(Store([root.certificate.parsed]))
        verifier = policy.time(datetime(year, 1, 1, tzinfo=UTC)).build_server_verifier(
            x509.DNSName(HOSTS[0])
        )
        chain = verifier.verify(leaf, [between])
        assert chain[-1] == root.certificate.parsed


def test_a_bridge_is_good_while_both_its_ends_are() -> None:
    young = bring(authority("Brought"))
    for new, old in ((ROOT, young), (young, ROOT)):
        bridge = certificates.parse(authorities.bridge(new.certificate, former=old))
        assert bridge.is_authority
        assert bridge.is_signed_by(old.certificate)
        assert bridge.name == new.certificate.name
        parsed = young.certificate.parsed
        assert bridge.parsed.not_valid_before_utc == parsed.not_valid_before_utc
        assert bridge.parsed.not_valid_after_utc == parsed.not_valid_after_utc


def test_devices_can_take_a_bridge_whatever_its_ends_are_called() -> None:
    long = bring(certify(Subject("l" * 60, "o" * 60, "c" * 64), ca=True))
    bridge = authorities.bridge(long.certificate, former=long)
    assert len(bridge) <= authorities.LARGEST


def test_a_ca_can_be_brought_along() -> None:
    holder = authority()
    brought = bring(holder)
    assert brought.certificate.der == holder.der
    assert brought.key.private_numbers() == holder.key.private_numbers()


def test_so_can_a_subordinate_one() -> None:
    assert bring(authority("Devices", authority())).certificate.is_authority


def test_so_can_one_with_an_explicit_null() -> None:
    holder = authority()
    document = with_null(holder, holder)
    text = pem.build(pem.CERTIFICATE, document)
    brought = authorities.parse(text, key_pem(holder.key), now=NOW)
    assert brought.export().certificate == document


def test_its_key_may_be_written_in_the_older_form() -> None:
    holder = authority()
    parameters = pem.build("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))
    key = holder.key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    assert authorities.parse(holder.pem, parameters + key.decode(), now=NOW)


@pytest.mark.parametrize(
    ("holder", "reason"),
    [
        (certify(Subject(common_name="x")), "not that of a CA"),
        (certify(Subject(), ca=True, curve=ec.SECP384R1()), "not on P-256"),
        (certify(Subject(), ca=True, digest=hashes.SHA384()), "ECDSA and SHA-256"),
        (certify(Subject(common_name="x" * 300), ca=True), "more than 256 bytes"),
        (certify(Subject(common_name="x" * 900), ca=True), "more than 1024 bytes"),
    ],
    ids=["no CA", "P-384", "SHA-384", "long subject", "large"],
)
def test_a_ca_that_devices_could_not_use_is_refused(
    holder: Holder, reason: str
) -> None:
    with pytest.raises(InvalidParameter, match=f"certificate .*{reason}"):
        bring(holder)


@pytest.mark.parametrize("away", [timedelta(days=-2), timedelta(days=31)])
def test_a_ca_that_is_not_valid_now_is_refused(away: timedelta) -> None:
    with pytest.raises(InvalidParameter, match="certificate is not valid now"):
        bring(authority(), now=NOW + away)


def test_a_root_with_a_wrong_signature_is_refused() -> None:
    holder = authority()
    text = pem.build(pem.CERTIFICATE, holder.der.replace(b"Factory", b"factory"))
    with pytest.raises(InvalidParameter, match="certificate has a wrong signature"):
        authorities.parse(text, key_pem(holder.key), now=NOW)


def test_the_key_of_another_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="private_key is not the certificate's"):
        bring(Holder(authority().certificate, keys.generate()))


def test_a_key_on_another_curve_is_refused() -> None:
    key = key_pem(ec.generate_private_key(ec.SECP384R1()))
    with pytest.raises(InvalidParameter, match="private_key is not on P-256"):
        authorities.parse(authority().pem, key, now=NOW)


def test_an_encrypted_key_is_refused() -> None:
    holder = authority()
    key = holder.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    ).decode()
    with pytest.raises(InvalidParameter, match="private_key is no PEM in clear"):
        authorities.parse(holder.pem, key, now=NOW)


@pytest.mark.parametrize("key", ["", "secret", "\ud800"])
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidParameter, match="private_key is no PEM in clear"):
        authorities.parse(authority().pem, key, now=NOW)


def test_anything_but_one_certificate_is_refused() -> None:
    holder = authority()
    for text in ("", "certificate", holder.pem * 2):
        with pytest.raises(InvalidParameter, match="not the PEM of one certificate"):
            authorities.parse(text, key_pem(holder.key), now=NOW)


def test_a_broken_certificate_is_refused() -> None:
    holder = authority()
    text = pem.build(pem.CERTIFICATE, holder.der[:-1])
    with pytest.raises(InvalidParameter, match="certificate cannot be used"):
        authorities.parse(text, key_pem(holder.key), now=NOW)
