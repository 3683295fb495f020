"""DER and what OpenSSL makes of it, for as long as a call needs that."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from homeport.dtls.openssl.library import load
from homeport.errors import InvalidFormat

MOST_STORES = 256


def use(
    chain: Sequence[bytes],
    key: bytes,
    *,
    own: Callable[[Any], int],
    issuer: Callable[[Any], int],
    private: Callable[[Any], int],
) -> None:
    """Hand over a chain in DER, its own certificate first, and the key of that one.

    Each of the three functions takes an object and a reference of its own. Raises
    InvalidFormat where the key is none or belongs to another certificate.
    """
    for place, der in enumerate(chain):
        with _certificate(der) as parsed:
            (issuer if place else own)(parsed)
    with _private_key(key) as parsed:
        if private(parsed) != 1:
            load().ssl.ERR_clear_error()
            raise InvalidFormat("private key", "is not that of the certificate")


@lru_cache(maxsize=MOST_STORES)
def store(anchors: tuple[bytes, ...]) -> Any:
    """Make a X509_STORE of the certificates that may end a chain.

    What is no certificate ends no chain. Many peers have the same anchors, and reading
    their keys costs more than a signature.
    """
    ffi, lib, _ = load()
    made = ffi.gc(lib.X509_STORE_new(), lib.X509_STORE_free)
    for der in anchors:
        anchor = parse(lib.d2i_X509, der)
        if anchor != ffi.NULL:
            lib.X509_STORE_add_cert(made, anchor)
            lib.X509_free(anchor)
    return made


def build(certificate: Any) -> bytes:
    """Build the DER of a certificate that is freed then; nothing if there is none."""
    ffi, lib, _ = load()
    if certificate == ffi.NULL:
        return b""
    try:
        return serialized(lib.i2d_X509, certificate)
    finally:
        lib.X509_free(certificate)


def serialized(build: Callable[[Any, Any], int], content: Any) -> bytes:
    """Return what one of the i2d functions makes of an object of at most 64 KiB.

    That is four times what a context takes of a peer's certificates; to ask for the
    length beforehand would cost as much again.
    """
    scratch = load().scratch
    scratch.end[0] = scratch.at
    return scratch.content[: build(content, scratch.end)]


def parse(parser: Callable[[Any, Any, int], Any], der: bytes) -> Any:
    """Return what one of the d2i functions makes of DER, or NULL."""
    ffi, lib, _ = load()
    content = ffi.from_buffer("unsigned char[]", der)
    parsed = parser(ffi.NULL, ffi.new("const unsigned char **", content), len(der))
    lib.ERR_clear_error()  # what is left there would fail the next call
    return parsed


@contextmanager
def _certificate(der: bytes) -> Iterator[Any]:
    lib = load().ssl
    parsed = _required(lib.d2i_X509, der, "certificate")
    try:
        yield parsed
    finally:
        lib.X509_free(parsed)


@contextmanager
def _private_key(der: bytes) -> Iterator[Any]:
    lib = load().ssl
    parsed = _required(lib.d2i_AutoPrivateKey, der, "private key")
    try:
        yield parsed
    finally:
        lib.EVP_PKEY_free(parsed)


def _required(parser: Callable[[Any, Any, int], Any], der: bytes, what: str) -> Any:
    parsed = parse(parser, der)
    if parsed == load().ffi.NULL:
        raise InvalidFormat(what, "is not DER of a kind that OpenSSL reads")
    return parsed
