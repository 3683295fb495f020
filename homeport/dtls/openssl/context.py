"""SSL_CTX: what many connections have in common."""

from collections.abc import Sequence
from enum import IntEnum, IntFlag
from functools import partial
from typing import Any

from homeport.dtls.openssl import der, questions
from homeport.dtls.openssl.library import load
from homeport.errors import InvalidConfiguration

_MODE = 33
_SESSION_CACHE_MODE = 44
_MAX_CERTIFICATE_LIST = 51
_SERVER_NAME_CALLBACK = 53
CHAIN_CERTIFICATE = 89
_GROUPS = 92
_SIGNATURE_ALGORITHMS = 98
_CLIENT_SIGNATURE_ALGORITHMS = 102
_LOWEST_VERSION = 123
_HIGHEST_VERSION = 124
_CLIENT_HELLO, _SERVER_HELLO, _DTLS_ONLY = 0x80, 0x100, 0x2
_PARTIAL_CHAIN = 0x80000


class Version(IntEnum):
    """The protocol that a context speaks."""

    TLS_1_2 = 0x0303
    DTLS_1_2 = 0xFEFD


class Options(IntFlag):
    """SSL_OP_..., by the names that OpenSSL's manual has."""

    NO_QUERY_MTU = 1 << 12
    COOKIE_EXCHANGE = 1 << 13
    NO_TICKET = 1 << 14
    NO_ENCRYPT_THEN_MAC = 1 << 19
    CIPHER_SERVER_PREFERENCE = 1 << 22
    NO_RENEGOTIATION = 1 << 30


class Mode(IntFlag):
    """SSL_MODE_..., likewise."""

    NO_AUTO_CHAIN = 0x8
    RELEASE_BUFFERS = 0x10
    SEND_SERVERHELLO_TIME = 0x40


class SessionCache(IntFlag):
    """SSL_SESS_CACHE_..., likewise."""

    OFF = 0
    SERVER = 0x2
    NO_INTERNAL = 0x300


class Verify(IntFlag):
    """SSL_VERIFY_..., likewise."""

    NONE = 0
    PEER = 1
    FAIL_IF_NO_PEER_CERT = 2


class Context:
    """A context; it is freed with the last of its connections."""

    def __init__(self, version: Version, *, server: bool) -> None:
        self.version = version
        self.server = server
        self._ffi, self._lib, _ = load()
        asked = questions.functions()
        self.pointer = self._ffi.gc(
            self._lib.SSL_CTX_new(self._method()), self._lib.SSL_CTX_free
        )
        self._control(_LOWEST_VERSION, version)
        self._control(_HIGHEST_VERSION, version)
        self._lib.SSL_CTX_set_psk_server_callback(self.pointer, asked.server_key)
        self._lib.SSL_CTX_set_psk_client_callback(self.pointer, asked.client_key)
        self._lib.SSL_CTX_set_cookie_verify_cb(self.pointer, asked.cookie)
        self._lib.SSL_CTX_sess_set_get_cb(self.pointer, asked.session)

    def configure(self, options: Options, mode: Mode) -> None:
        """Switch options and modes on."""
        self._lib.SSL_CTX_set_options(self.pointer, int(options))
        self._control(_MODE, mode)

    def limit(self, *, ciphers: str, groups: str, signatures: str) -> None:
        """Say what is spoken at all, in OpenSSL's own lists."""
        good = self._lib.SSL_CTX_set_cipher_list(self.pointer, ciphers.encode())
        for control, names in (
            (_GROUPS, groups),
            (_SIGNATURE_ALGORITHMS, signatures),
            (_CLIENT_SIGNATURE_ALGORITHMS, signatures),
        ):
            text = self._ffi.new("char[]", names.encode())
            good &= self._lib.SSL_CTX_ctrl(self.pointer, control, 0, text)
        if good != 1:
            self._lib.ERR_clear_error()
            raise InvalidConfiguration("libssl", f"lacks one of {ciphers}, {groups}")

    def keep_sessions(self, cache: SessionCache, *, place: bytes, seconds: int) -> None:
        """Say where sessions are; they can be resumed in this place only."""
        self._control(_SESSION_CACHE_MODE, cache)
        self._lib.SSL_CTX_set_session_id_context(self.pointer, place, len(place))
        self._lib.SSL_CTX_set_timeout(self.pointer, seconds)

    def verify(self, verify: Verify, *, auth_level: int, longest_list: int) -> None:
        """Say whether a peer has to show certificates, and of which strength."""
        self._lib.SSL_CTX_set_verify(self.pointer, int(verify), self._ffi.NULL)
        self._control(_MAX_CERTIFICATE_LIST, longest_list)
        parameters = self._lib.SSL_CTX_get0_param(self.pointer)
        self._lib.X509_VERIFY_PARAM_set_auth_level(parameters, auth_level)
        self._lib.X509_VERIFY_PARAM_set_flags(parameters, _PARTIAL_CHAIN)

    def use(self, chain: Sequence[bytes], key: bytes) -> None:
        """Have a certificate chain and its key; raise InvalidFormat."""
        lib, pointer = self._lib, self.pointer
        der.use(
            chain,
            key,
            own=partial(lib.SSL_CTX_use_certificate, pointer),
            issuer=partial(lib.SSL_CTX_ctrl, pointer, CHAIN_CERTIFICATE, 1),
            private=partial(lib.SSL_CTX_use_PrivateKey, pointer),
        )

    def choose(self) -> None:
        """Ask which certificate is shown to a client that names a host."""
        self._lib.SSL_CTX_callback_ctrl(
            self.pointer, _SERVER_NAME_CALLBACK, questions.functions().server_name
        )

    def extend(self, numbers: Sequence[int]) -> None:
        """Have extensions of ours in both hellos of DTLS."""
        asked = questions.functions()
        for number in numbers:
            self._lib.SSL_CTX_add_custom_ext(
                self.pointer,
                number,
                _CLIENT_HELLO | _SERVER_HELLO | _DTLS_ONLY,
                asked.add_extension,
                self._ffi.NULL,
                self._ffi.NULL,
                asked.take_extension,
                self._ffi.NULL,
            )

    def _method(self) -> Any:
        match self.version, self.server:
            case Version.DTLS_1_2, True:
                return self._lib.DTLS_server_method()
            case Version.DTLS_1_2, False:
                return self._lib.DTLS_client_method()
            case _, True:
                return self._lib.TLS_server_method()
        return self._lib.TLS_client_method()

    def _control(self, control: int, value: int) -> None:
        self._lib.SSL_CTX_ctrl(self.pointer, control, int(value), self._ffi.NULL)
