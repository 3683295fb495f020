"""PEM, the text that people move certificates and keys in (RFC 7468)."""

import base64
import binascii
import re

from homeport.errors import InvalidFormat

CERTIFICATE = "CERTIFICATE"
PRIVATE_KEY = "PRIVATE KEY"

_LINE = 64
_CERTIFICATES = re.compile(
    rf"-----BEGIN {CERTIFICATE}-----([^-]*)-----END {CERTIFICATE}-----"
)


def build(label: str, der: bytes) -> str:
    """Build the text of one DER document."""
    text = base64.b64encode(der).decode()
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def parse_certificates(text: str) -> list[bytes]:
    """Return every certificate in a text, in order; what is between is passed over.

    Raises InvalidFormat for one that is no base64.
    """
    try:
        return [
            base64.b64decode("".join(body.split()), validate=True)
            for body in _CERTIFICATES.findall(text)
        ]
    except (binascii.Error, ValueError) as error:
        raise InvalidFormat("PEM", str(error)) from error
