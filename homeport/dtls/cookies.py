"""Cookies: a client proves that it hears us before it costs anything (RFC 6347 §4.2.1).

They are the same at every replica, and nothing is kept of a client that has none.
"""

import hmac
from collections.abc import Sequence
from hashlib import blake2b

from homeport.dtls import messages, records
from homeport.dtls.messages import ClientHello, HandshakeType
from homeport.dtls.records import ContentType

COOKIE_BYTES = 32

_ANSWER_VERSION = b"\xfe\xff"
"""HelloVerifyRequest says DTLS 1.0 whatever is spoken afterwards."""

Address = tuple[str | int, ...]
"""A socket's address: host and port come first."""


def cookie(secret: bytes, address: Address, hello: ClientHello) -> bytes:
    """Make the cookie of a client, from what it has to repeat."""
    session_id = hello.session_id
    peer = f"{address[0]} {address[1]} {len(session_id)}\0".encode()
    content = peer + hello.random + session_id + hello.suites
    return blake2b(content, key=secret, digest_size=COOKIE_BYTES).digest()


def valid(secrets: Sequence[bytes], address: Address, hello: ClientHello) -> bool:
    """Say whether a hello brings a cookie that was made with one of these secrets."""
    if len(hello.cookie) != COOKIE_BYTES:
        return False
    for secret in secrets:
        if hmac.compare_digest(cookie(secret, address, hello), hello.cookie):
            return True
    return False


def hello_verify_request(hello: ClientHello, cookie: bytes) -> bytes:
    """Build the datagram that asks a client to repeat its hello with a cookie.

    Its record has the sequence number of the hello's: whatever is answered, no number
    is used twice.
    """
    body = _ANSWER_VERSION + bytes((len(cookie),)) + cookie
    fragment = messages.build(HandshakeType.HELLO_VERIFY_REQUEST, 0, body)
    return records.build(
        ContentType.HANDSHAKE,
        0,
        hello.record_sequence,
        fragment,
        version=_ANSWER_VERSION,
    )
