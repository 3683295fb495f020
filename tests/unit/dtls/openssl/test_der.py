import pytest

from homeport.dtls.context import CertifiedKey, ServerContext
from homeport.dtls.openssl import der
from homeport.dtls.openssl.library import load
from homeport.errors import InvalidFormat
from tests.support.dtls import house


def test_a_certificate_and_its_key_are_taken() -> None:
    ServerContext(house().server)


def test_a_key_of_another_certificate_is_refused() -> None:
    mixed = CertifiedKey(house().server.chain, house().device.key)
    with pytest.raises(InvalidFormat, match="not that of the certificate"):
        ServerContext(mixed)


@pytest.mark.parametrize("spoiled", [b"", b"\x30\x03\x01\x01", b"-----BEGIN"])
def test_what_is_no_certificate_is_refused(spoiled: bytes) -> None:
    with pytest.raises(InvalidFormat, match="certificate"):
        ServerContext(CertifiedKey((spoiled,), house().server.key))


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="private key"):
        ServerContext(CertifiedKey(house().server.chain, b"key"))


def test_a_store_is_made_once_and_leaves_out_what_is_no_certificate() -> None:
    made = der.store((b"spoiled", house().authority.der))
    assert made != load().ffi.NULL
    assert made is der.store((b"spoiled", house().authority.der))


def test_a_failure_leaves_no_error_for_the_next_call() -> None:
    _, lib, _ = load()
    der.parse(lib.d2i_X509, b"spoiled")
    assert lib.ERR_peek_last_error() == 0


def test_a_certificate_is_built_as_it_was_parsed() -> None:
    content = house().device.chain[0]
    parsed = der.parse(load().ssl.d2i_X509, content)
    assert der.build(parsed) == content


def test_no_certificate_is_nothing() -> None:
    assert der.build(load().ffi.NULL) == b""
