"""Developer certificates: one that a developer's many devices share (R-59 .. R-62)."""

import secrets
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from homeport.names import AccountId
from homeport.pki import certificates, keys, subjects
from homeport.pki.authorities import BACKDATED
from homeport.pki.keys import CertifiedKey
from homeport.pki.subjects import Subject

_LIFE = timedelta(days=10 * 365 + 3)
_NAME_BYTES = 16
_EXECUTION_MODE = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.4.1.4128.201"), bytes.fromhex("020101")
)
"""Execution mode 1, developer, as an INTEGER; devices pass over it (TLS-11)."""

_MEMORY_KILOBYTES = 0
_DEVICE_OBJECT = {
    "MANUFACTURER": "dev_manufacturer",
    "MODEL_NUMBER": "dev_model_num",
    "SERIAL_NUMBER": "0",
    "DEVICE_TYPE": "dev_device_type",
    "HARDWARE_VERSION": "dev_hardware_version",
}
_PREFIX = "MBED_CLOUD_DEV_"
_BYTES_IN_LINE = 12
_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')


def create(account: AccountId, *, now: datetime) -> CertifiedKey:
    """Make a developer certificate, valid for ten years, and its key.

    It is self-signed, so that it is known by its fingerprint alone (B-033); its CN is
    fresh and no endpoint name of any device (B-056).
    """
    key = keys.generate()
    subject = subjects.build(
        Subject(organizational_unit=account, common_name=secrets.token_hex(_NAME_BYTES))
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(_EXECUTION_MODE, critical=False)
        .sign(key, hashes.SHA256())
    )
    return CertifiedKey(certificate.public_bytes(Encoding.DER), keys.encode(key))


def security_file(
    developer: CertifiedKey, *, bootstrap_uri: str, bootstrap_root: bytes
) -> str:
    """Write the C source that Izuma's client compiles in, private key included.

    ``bootstrap_uri`` has the account as ``aid``; ``bootstrap_root`` is the CA of our
    servers in DER. The symbols are those that the client's developer flow declares.
    Raises InvalidFormat where the certificate is broken.
    """
    subject = certificates.parse(developer.certificate).subject
    texts = {
        "BOOTSTRAP_ENDPOINT_NAME": subject.common_name,
        "ACCOUNT_ID": subject.organizational_unit,
        "BOOTSTRAP_SERVER_URI": bootstrap_uri,
        **_DEVICE_OBJECT,
    }
    documents = {
        "BOOTSTRAP_DEVICE_CERTIFICATE": developer.certificate,
        "BOOTSTRAP_DEVICE_PRIVATE_KEY": developer.key,
        "BOOTSTRAP_SERVER_ROOT_CA_CERTIFICATE": bootstrap_root,
    }
    return "\n".join(
        (
            "/* Developer credentials for Izuma Device Management Client, made by",
            " * Homeport. They hold a private key: keep them to yourself. */",
            "",
            "#include <stdint.h>",
            "",
            *(_text(name, value) for name, value in texts.items()),
            f"const uint32_t {_PREFIX}MEMORY_TOTAL_KB = {_MEMORY_KILOBYTES};",
            *(_array(name, content) for name, content in documents.items()),
            "",
        )
    )


def _text(name: str, value: str) -> str:
    escaped = "".join(
        chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in value.encode()
    )
    return f'const char {_PREFIX}{name}[] = "{escaped}";'


def _array(name: str, content: bytes) -> str:
    symbol = f"{_PREFIX}{name}"
    lines = [
        content[at : at + _BYTES_IN_LINE]
        for at in range(0, len(content), _BYTES_IN_LINE)
    ]
    return "\n".join(
        (
            "",
            f"const uint8_t {symbol}[] = {{",
            *("    " + " ".join(f"0x{byte:02x}," for byte in line) for line in lines),
            "};",
            f"const uint32_t {symbol}_SIZE = sizeof({symbol});",
        )
    )
