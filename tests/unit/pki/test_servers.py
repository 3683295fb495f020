"""Server certificates that somebody brings have to be of use."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.pki import authorities, keys, servers
from homeport.pki.authorities import Authority
from tests.support.directory import key_pem_of, pem_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ROOT = authorities.create_root("root")
OTHER = authorities.create_root("root")
HOSTS = ["home.example", "192.0.2.7", "2001:db8::7"]


def signed(
    root: Authority,
    *,
    usage: x509.ObjectIdentifier | None = None,
    days: int = 1,
) -> tuple[str, str]:
    key = keys.generate()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(NOW + timedelta(days=days))
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return pem_of(root.sign(builder)), key_pem_of(keys.encode(key))


def parse(certificate: str, key: str) -> None:
    servers.parse(certificate, key, root=ROOT.certificate.der, now=NOW)


@pytest.mark.parametrize("usage", [None, ExtendedKeyUsageOID.SERVER_AUTH])
def test_what_the_root_has_signed_is_taken(usage: x509.ObjectIdentifier | None) -> None:
    parse(*signed(ROOT, usage=usage))


def test_our_own_say_what_they_are_for() -> None:
    made = authorities.create_server(ROOT, HOSTS)
    parse(pem_of(made.certificate), key_pem_of(made.key))
    assert servers.hosts(made.certificate) == set(HOSTS)


def test_one_that_names_no_host_is_for_none() -> None:
    assert servers.hosts(ROOT.certificate.der) == set()


def test_what_is_no_certificate_is_for_no_host() -> None:
    with pytest.raises(InvalidFormat):
        servers.hosts(b"certificate")


def test_a_chain_of_any_ca_is_taken_with_its_hosts() -> None:
    made = authorities.create_server(OTHER, HOSTS)
    chain = pem_of(made.certificate) + pem_of(OTHER.certificate.der)
    shown = servers.parse_chain(chain, key_pem_of(made.key), now=NOW)
    assert shown.chain == (made.certificate, OTHER.certificate.der)
    assert shown.hosts == set(HOSTS)
    assert "key" not in repr(shown)


@pytest.mark.parametrize(
    ("certificate", "sentence"),
    [
        ("", "is not the PEM of one"),
        (pem_of(b"0"), "cannot be used"),
        (pem_of(OTHER.certificate.der), "private_key is not the certificate's"),
        (signed(OTHER)[0], "private_key is not the certificate's"),
    ],
)
def test_a_chain_that_would_not_work_is_refused_with_a_reason(
    certificate: str, sentence: str
) -> None:
    made = authorities.create_server(OTHER, HOSTS)
    with pytest.raises(InvalidParameter, match=sentence):
        servers.parse_chain(certificate, key_pem_of(made.key), now=NOW)


def test_a_chain_that_names_no_host_could_never_be_asked_for() -> None:
    with pytest.raises(InvalidParameter, match="names no host"):
        servers.parse_chain(*signed(OTHER), now=NOW)


GOOD, GOOD_KEY = signed(ROOT)


@pytest.mark.parametrize(
    ("certificate", "key", "sentence"),
    [
        (GOOD, signed(ROOT)[1], "private_key is not the certificate's"),
        (GOOD, "", "private_key is no PEM"),
        ("", GOOD_KEY, "certificate is not the PEM of one"),
        (GOOD + GOOD, GOOD_KEY, "certificate is not the PEM of one"),
        (pem_of(b"0"), GOOD_KEY, "certificate cannot be used"),
        (*signed(OTHER), "is not signed by the root"),
        (*signed(ROOT, days=-1), "is not valid now"),
        (*signed(ROOT, usage=ExtendedKeyUsageOID.CLIENT_AUTH), "is not for servers"),
    ],
)
def test_what_would_not_work_is_refused_with_a_reason(
    certificate: str, key: str, sentence: str
) -> None:
    with pytest.raises(InvalidParameter, match=sentence):
        parse(certificate, key)
