import re

import cffi
import pytest

from homeport.dtls.openssl import library
from homeport.errors import InvalidConfiguration


def test_every_declared_function_is_there() -> None:
    declared = re.findall(r"(\w+)\(", library._DECLARATIONS)
    loaded = library.load()
    assert [name for name in declared if not hasattr(loaded.ssl, name)] == []


def test_it_is_loaded_once() -> None:
    assert library.load() is library.load()


def test_a_missing_library_is_named_with_what_to_install() -> None:
    with pytest.raises(InvalidConfiguration, match="install the package libssl3"):
        library._open(cffi.FFI(), ("libssl.so.nowhere",))


def test_the_first_that_is_there_is_taken() -> None:
    ffi = cffi.FFI()
    ffi.cdef("void ERR_clear_error(void);")
    names = ("libssl.so.nowhere", *library._NAMES)
    assert hasattr(library._open(ffi, names), "ERR_clear_error")
