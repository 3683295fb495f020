"""ClientHellos: of real devices, byte for byte, and with one thing changed."""

import struct

from homeport.dtls import messages, records
from homeport.dtls.messages import ClientHello, HandshakeType
from homeport.dtls.records import ContentType

RANDOM = bytes(4) + bytes(range(28))
"""As a factory-fresh device makes it, whose clock stands at 0 (TLS-15)."""

IZUMA_EXTENSIONS = bytes.fromhex(
    "000d 0006 0004 0403 0303"  # signature algorithms
    "000a 0004 0002 0017"  # groups: secp256r1
    "000b 0002 01 00"  # point formats
    "00fe 0001 00"  # connection id of the draft, its own one empty
    "0016 0000 0017 0000"  # encrypt-then-MAC, extended master secret
    "0023 0000"  # session ticket
)

IZUMA_UDP = (
    bytes.fromhex(
        "16 feff 0000 000000000001 0063"  # record, sequence number 1
        "01 000057 0000 000000 000057"  # ClientHello, a single fragment
        "fefd"
    )
    + RANDOM
    + bytes.fromhex("00 00 0004 c0ae 00ff 01 00 0029")
    + IZUMA_EXTENSIONS
)
"""TLS-1."""

IZUMA_TCP = (
    bytes.fromhex("16 0303 0055 01 000051 0303")
    + RANDOM
    + bytes.fromhex(
        "00 0004 c0ae 00ff 01 00 0024"
        "000d 0006 0004 0403 0303 000a 0004 0002 0017 000b 0002 01 00"
        "0016 0000 0017 0000 0023 0000"
    )
)
"""TLS-2."""


def body(
    *,
    version: bytes = b"\xfe\xfd",
    random: bytes = RANDOM,
    session_id: bytes = b"",
    cookie: bytes = b"",
    suites: bytes = b"\xc0\xae\x00\xff",
    compressions: bytes = b"\0",
    extensions: bytes = IZUMA_EXTENSIONS,
) -> bytes:
    """Build the body of the hello of TLS-1, with changes."""
    parts = (
        (1, session_id),
        (1, cookie),
        (2, suites),
        (1, compressions),
        (2, extensions),
    )
    return (
        version
        + random
        + b"".join(len(part).to_bytes(width, "big") + part for width, part in parts)
    )


def datagram(content: bytes, *, message: int = 0, record: int = 1) -> bytes:
    """Build the datagram of a hello's body."""
    fragment = messages.build(HandshakeType.CLIENT_HELLO, message, content)
    return records.build(
        ContentType.HANDSHAKE, 0, record, fragment, version=b"\xfe\xff"
    )


def suites(hello: ClientHello) -> tuple[int, ...]:
    """Return the numbers of the suites that a hello offers."""
    return struct.unpack(f"!{len(hello.suites) // 2}H", hello.suites)


def extensions(content: bytes) -> list[int]:
    """Return the numbers of the extensions that the datagram of a hello ends with."""
    hello = parse(content)
    at = content.index(hello.suites) + len(hello.suites) + 4
    numbers = []
    while at < len(content):
        number, length = struct.unpack_from("!HH", content, at)
        numbers.append(number)
        at += 4 + length
    return numbers


def parse(content: bytes) -> ClientHello:
    """Parse a datagram that is a hello."""
    (record,) = records.parse(content, 0)
    return messages.parse_client_hello(record)
