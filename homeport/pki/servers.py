"""The certificates of our servers that somebody else has made."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.pki import authorities, certificates, keys, pem
from homeport.pki.certificates import Certificate
from homeport.pki.keys import CertifiedKey, PrivateKey


@dataclass(frozen=True, slots=True)
class Shown:
    """A chain in DER, the server's own first, its key, and the hosts that it is for."""

    chain: tuple[bytes, ...]
    key: bytes = field(repr=False)
    hosts: frozenset[str]


def parse(
    certificate: str, private_key: str, *, root: bytes, now: datetime
) -> CertifiedKey:
    """Parse a server's certificate and key, both PEM; ``root`` has to have signed it.

    Raises InvalidParameter that says what is wrong, and never repeats the key.
    """
    key = authorities.parse_key(private_key)
    try:
        documents = pem.parse_certificates(certificate)
        if len(documents) != 1:
            raise InvalidParameter("certificate", "is not the PEM of one certificate")
        if len(documents[0]) > authorities.LARGEST:
            raise InvalidParameter(
                "certificate", f"has more than {authorities.LARGEST} bytes"
            )
        found = certificates.parse(documents[0])
        _require_server(found, key, now)
        if not found.is_signed_by(certificates.parse(root)):
            raise InvalidParameter("certificate", "is not signed by the root")
    except InvalidFormat as error:
        raise InvalidParameter(
            "certificate", f"cannot be used: {error.format_name} {error.reason}"
        ) from error
    return CertifiedKey(found.der, keys.encode(key))


def parse_chain(chain: str, private_key: str, *, now: datetime) -> Shown:
    """Parse a chain and the key of its first certificate, both PEM; any CA will do.

    Raises as `parse` does, also where the certificate names no host.
    """
    key = authorities.parse_key(private_key)
    try:
        documents = pem.parse_certificates(chain)
        if not documents:
            raise InvalidParameter("certificate", "is not the PEM of one certificate")
        own, *_ = [certificates.parse(document) for document in documents]
        _require_server(own, key, now)
        named = hosts(own.der)
    except InvalidFormat as error:
        raise InvalidParameter(
            "certificate", f"cannot be used: {error.format_name} {error.reason}"
        ) from error
    if not named:
        raise InvalidParameter("certificate", "names no host")
    return Shown(tuple(documents), keys.encode(key), named)


def hosts(certificate: bytes) -> frozenset[str]:
    """Return the DNS names and IP addresses that a certificate is for.

    Raises InvalidFormat.
    """
    parsed = certificates.parse(certificate).parsed
    with certificates.reading():
        try:
            found = parsed.extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            ).value
        except x509.ExtensionNotFound:
            return frozenset()
        addresses = map(str, found.get_values_for_type(x509.IPAddress))
        return frozenset([*found.get_values_for_type(x509.DNSName), *addresses])


def _require_server(certificate: Certificate, key: PrivateKey, now: datetime) -> None:
    parsed = certificate.parsed
    with certificates.reading():
        keys.require_public(parsed.public_key())
        if not parsed.not_valid_before_utc <= now <= parsed.not_valid_after_utc:
            raise InvalidParameter("certificate", "is not valid now")
        if not _is_for_servers(parsed):
            raise InvalidParameter("certificate", "is not for servers")
        if parsed.public_key() != key.public_key():
            raise InvalidParameter("private_key", "is not the certificate's")


def _is_for_servers(parsed: x509.Certificate) -> bool:
    try:
        usage = parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usage
