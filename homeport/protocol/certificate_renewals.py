"""How a device of Izuma's kind is asked to renew one of its certificates (REN-1).

The resource is executed with a list of elements: two bytes of type, whose highest bit
says that an element may be passed over, two bytes of length, and the value. The one
that there is names the certificate, as text that ends with a zero byte. The device
answers when it is done, with a number in text.
"""

import re
from collections.abc import Mapping

from homeport.errors import InvalidFormat, InvalidName, NotAllowed

PATH = "/35011/0/27002"
CONTENT_FORMAT = 0
"""What a device takes the payload with; every other one is 4.15."""

LWM2M = "LWM2M"
"""The certificate that a device registers with."""
FACTORY = "mbed."
"""Begins the names of what the factory made, the bootstrap certificate's too."""

SUCCESS = 0
ITEM_NOT_FOUND = 0x0504
FORBIDDEN = 0x050F

_NAME_TYPE = 1
_OPTIONAL = 0x8000
_HEADER = 4
_NAME = re.compile(r"[\w-]{1,10}\.[\w.-]{1,10}", re.ASCII)
_RESULT = re.compile(rb"[0-9]{1,10}")

_MEANINGS: Mapping[int, str] = {
    0x0500: "it failed and does not say why",
    0x0501: "a parameter was invalid",
    0x0502: "a buffer was too small",
    0x0503: "it has no memory left",
    ITEM_NOT_FOUND: "it has no such certificate",
    0x0505: "it is busy with another renewal",
    0x0506: "it did not understand the request",
    0x0507: "it was given no certificate",
    0x0508: "it could not store something",
    0x0509: "the new certificate does not fit its key",
    0x050A: "it could not make a backup",
    0x050B: "it could not read what it has",
    0x050C: "it could not restore what it had",
    0x050D: "it could not note that it renews",
    FORBIDDEN: "it may not renew this certificate",
    0x0510: "its certificate is empty",
    0x0511: "it is not ready yet",
    0x0512: "its enrollment could not begin",
}


def parse_name(text: str) -> str:
    """Validate a certificate's name (R-76); raise InvalidName.

    Raises NotAllowed for what the factory made: no device renews that (B-163).
    """
    if text.startswith(FACTORY):
        raise NotAllowed("what the factory made cannot be renewed")
    if text != LWM2M and not _NAME.fullmatch(text):
        raise InvalidName("certificate name", f"is neither {LWM2M} nor like group.name")
    return text


def build(name: str) -> bytes:
    """Write what a device is asked with."""
    value = name.encode() + b"\0"
    return _NAME_TYPE.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def parse(payload: bytes) -> str:
    """Read the name that a device is asked with, as the device does.

    Raises InvalidFormat; an element that is not known stops it unless it is optional.
    """
    name = ""
    while payload:
        kind, length = (int.from_bytes(payload[at : at + 2], "big") for at in (0, 2))
        if len(payload) < _HEADER + length:
            raise InvalidFormat("renewal", "ends within an element")
        value, payload = payload[_HEADER:][:length], payload[_HEADER + length :]
        if kind == _NAME_TYPE:
            name = _text(value)
        elif not kind & _OPTIONAL:
            raise InvalidFormat("renewal", f"has an element of type {kind}")
    if not name:
        raise InvalidFormat("renewal", "names no certificate")
    return name


def parse_result(payload: bytes) -> int:
    """Read what a device answers; raise InvalidFormat for what is no number."""
    if not _RESULT.fullmatch(payload):
        raise InvalidFormat("renewal", "has no result")
    return int(payload)


def meaning(result: int) -> str:
    """Say what a result other than `SUCCESS` means; an unknown one stays a number."""
    said = _MEANINGS.get(result, "it failed")
    return f"{said} (0x{result:04x})"


def _text(value: bytes) -> str:
    if not value.endswith(b"\0"):
        raise InvalidFormat("renewal", "has a name without an end")
    try:
        return value[:-1].decode()
    except UnicodeDecodeError as error:
        raise InvalidFormat("renewal", "has a name that is no text") from error
