"""What OpenSSL asks in the middle of a handshake, and who answers for each connection.

The answers are known beforehand, because a question can not wait. An exception in one
of these functions becomes a zero, which OpenSSL takes for a refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from homeport.dtls.openssl import der
from homeport.dtls.openssl.library import load

_NEVER_MICROSECONDS = 2**31
_DECODE_ERROR = 50
_HOST_NAME = 0
_ACKNOWLEDGED, _NOT_ACKNOWLEDGED = 0, 3
"""SSL_TLSEXT_ERR_OK and SSL_TLSEXT_ERR_NOACK."""


def _no_extension(_number: int) -> None:
    return None


def _any_extension(_number: int, _content: bytes) -> bool:
    return True


def _no_host(_host: str) -> bool:
    return False


@dataclass(slots=True)
class Answers:
    """What one side of a handshake has to say when OpenSSL asks.

    ``identity`` and ``key`` are those of a PSK, empty if there is none; ``session`` is
    what a client may resume, or nothing. ``extension`` returns the content of an
    extension for our hello, None to leave it out; ``extended`` takes one of the peer's
    hello, and returns False if it is malformed. ``asked_for`` hears which host a client
    wants to reach, and says whether it has a certificate of its own.
    """

    identity: bytes = b""
    key: bytes = field(default=b"", repr=False)
    session: bytes = field(default=b"", repr=False)
    extension: Callable[[int], bytes | None] = _no_extension
    extended: Callable[[int, bytes], bool] = _any_extension
    asked_for: Callable[[str], bool] = _no_host


class Questions(NamedTuple):
    """The functions that OpenSSL calls; they must outlive every context."""

    server_key: Any
    client_key: Any
    cookie: Any
    session: Any
    server_name: Any
    add_extension: Any
    take_extension: Any
    timer: Any


_answering: dict[Any, Answers] = {}
_extensions: dict[Any, Any] = {}
"""Of each connection, the content that OpenSSL is about to copy into a hello."""


def begin(ssl: Any, answers: Answers) -> None:
    """Let questions about a connection be answered."""
    _answering[ssl] = answers


def end(ssl: Any) -> None:
    """Forget a connection."""
    del _answering[ssl]
    _extensions.pop(ssl, None)


def living() -> int:
    """Count the connections that have not ended."""
    return len(_answering)


@cache
def functions() -> Questions:
    """Make the functions once, for all contexts."""
    ffi = load().ffi
    return Questions(
        server_key=ffi.callback(
            "unsigned int(SSL *, const char *, unsigned char *, unsigned int)",
            _server_key,
        ),
        client_key=ffi.callback(
            "unsigned int(SSL *, const char *, char *, unsigned int,"
            " unsigned char *, unsigned int)",
            _client_key,
        ),
        cookie=ffi.callback("int(SSL *, const unsigned char *, unsigned int)", _cookie),
        session=ffi.callback(
            "SSL_SESSION *(SSL *, const unsigned char *, int, int *)", _session
        ),
        server_name=ffi.callback(
            "int(SSL *, int *, void *)", _server_name, error=_NOT_ACKNOWLEDGED
        ),
        add_extension=ffi.callback(
            "int(SSL *, unsigned int, unsigned int, const unsigned char **, size_t *,"
            " X509 *, size_t, int *, void *)",
            _add_extension,
        ),
        take_extension=ffi.callback(
            "int(SSL *, unsigned int, unsigned int, const unsigned char *, size_t,"
            " X509 *, size_t, int *, void *)",
            _take_extension,
        ),
        timer=ffi.callback("unsigned int(SSL *, unsigned int)", _timer),
    )


def _server_key(ssl: Any, identity: Any, out: Any, most: int) -> int:
    ffi = load().ffi
    answers = _answering[ssl]
    key = answers.key
    if not key or len(key) > most or ffi.string(identity) != answers.identity:
        return 0
    ffi.memmove(out, key, len(key))
    return len(key)


def _client_key(
    ssl: Any, _hint: Any, name: Any, longest: int, out: Any, most: int
) -> int:
    ffi = load().ffi
    answers = _answering[ssl]
    identity, key = answers.identity, answers.key
    if not key or len(key) > most or len(identity) >= longest:
        return 0
    ffi.memmove(name, identity + b"\0", len(identity) + 1)
    ffi.memmove(out, key, len(key))
    return len(key)


def _cookie(_ssl: Any, _cookie: Any, _length: int) -> int:
    """Take any cookie: no connection is made before its cookie was good."""
    return 1


def _session(ssl: Any, _id: Any, _length: int, copy: Any) -> Any:
    ffi, lib, _ = load()
    session = _answering[ssl].session
    copy[0] = 0  # the reference that is returned is OpenSSL's
    if not session:
        return ffi.NULL
    return der.parse(lib.d2i_SSL_SESSION, session)


def _server_name(ssl: Any, _alert: Any, _argument: Any) -> int:
    """Let the certificate be chosen before it is shown (RFC 6066 §3)."""
    ffi, lib, _ = load()
    name = lib.SSL_get_servername(ssl, _HOST_NAME)
    if name == ffi.NULL:
        return _NOT_ACKNOWLEDGED
    host = ffi.string(name).decode("ascii", "replace")
    return _ACKNOWLEDGED if _answering[ssl].asked_for(host) else _NOT_ACKNOWLEDGED


def _add_extension(
    ssl: Any, number: int, _context: int, out: Any, length: Any, *_rest: Any
) -> int:
    content = _answering[ssl].extension(number)
    if content is None:
        return 0
    _extensions[ssl] = kept = load().ffi.new("unsigned char[]", content)
    out[0], length[0] = kept, len(content)
    return 1


def _take_extension(
    ssl: Any, number: int, _context: int, at: Any, length: int, *rest: Any
) -> int:
    content = bytes(load().ffi.buffer(at, length)) if length else b""
    if _answering[ssl].extended(number, content):
        return 1
    alert = rest[2]
    alert[0] = _DECODE_ERROR
    return 0


def _timer(_ssl: Any, _previous: int) -> int:
    """Keep OpenSSL from repeating flights: it would read the clock."""
    return _NEVER_MICROSECONDS
