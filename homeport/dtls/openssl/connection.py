"""SSL: one side of one handshake, records in and records out.

OpenSSL's memory BIOs are byte streams: in DTLS, what goes in at once is a datagram for
it. So that has to be whole records, and 16 KiB at most.
"""

from collections.abc import Sequence
from enum import Enum
from functools import cache, partial
from typing import Any, NamedTuple

from homeport.dtls.openssl import der, questions
from homeport.dtls.openssl.context import CHAIN_CERTIFICATE, Context, Verify, Version
from homeport.dtls.openssl.library import SCRATCH_BYTES, load
from homeport.dtls.openssl.questions import Answers

MASTER_BYTES = 48
_RANDOM_BYTES = 32
_LONGEST_RECORD = 2**14

_SET_MTU = 17
_SET_HOST_NAME = 55
_SET_VERIFY_STORE = 106
_WANT = frozenset({2, 3})
"""SSL_ERROR_WANT_READ and SSL_ERROR_WANT_WRITE."""
_RECEIVED_SHUTDOWN = 2
_VERIFIED = 0


class Progress(Enum):
    """How far a handshake has come."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Secrets(NamedTuple):
    """What the keys of a connection are derived from."""

    master: bytes
    client_random: bytes
    server_random: bytes


@cache
def _no_address() -> Any:
    """Return where OpenSSL writes a sender's address, of which a memory has none."""
    ffi, lib, _ = load()
    return ffi.gc(lib.BIO_ADDR_new(), lib.BIO_ADDR_free)


class Connection:
    """A connection without a socket; it has to be closed.

    ``reason`` says why it failed, in OpenSSL's words.
    """

    __slots__ = (
        "_ffi",
        "_from_peer",
        "_lib",
        "_result",
        "_scratch",
        "_ssl",
        "_suite",
        "_to_peer",
        "reason",
    )

    def __init__(self, context: Context, answers: Answers, *, mtu: int = 0) -> None:
        self._ffi, self._lib, scratch = load()
        self._scratch, self._result = scratch.at, scratch.content
        lib, null = self._lib, self._ffi.NULL
        self.reason = ""
        self._suite = 0
        self._ssl = lib.SSL_new(context.pointer)
        memory = lib.BIO_s_mem()
        self._from_peer, self._to_peer = lib.BIO_new(memory), lib.BIO_new(memory)
        lib.SSL_set_bio(self._ssl, self._from_peer, self._to_peer)
        if context.server:
            lib.SSL_set_accept_state(self._ssl)
        else:
            lib.SSL_set_connect_state(self._ssl)
        if context.version is Version.DTLS_1_2:
            lib.SSL_ctrl(self._ssl, _SET_MTU, mtu, null)
            lib.DTLS_set_timer_cb(self._ssl, questions.functions().timer)
        questions.begin(self._ssl, answers)

    def close(self) -> None:
        """Free everything, once."""
        if self._ssl is not None:
            questions.end(self._ssl)
            self._lib.SSL_free(self._ssl)
            self._ssl = None

    def limit(self, ciphers: str) -> None:
        """Say what this connection offers of what its context speaks."""
        self._lib.SSL_set_cipher_list(self._ssl, ciphers.encode())

    def use(self, chain: Sequence[bytes], key: bytes) -> None:
        """Have a certificate chain and its key; raise InvalidFormat."""
        lib, ssl = self._lib, self._ssl
        der.use(
            chain,
            key,
            own=partial(lib.SSL_use_certificate, ssl),
            issuer=partial(lib.SSL_ctrl, ssl, CHAIN_CERTIFICATE, 1),
            private=partial(lib.SSL_use_PrivateKey, ssl),
        )

    def trust(self, anchors: Sequence[bytes]) -> None:
        """Let the peer's chain end at any of these certificates, and at no other."""
        store = der.store(tuple(anchors))
        self._lib.SSL_ctrl(self._ssl, _SET_VERIFY_STORE, 1, store)

    def verify(self, verify: Verify) -> None:
        """Say whether the peer has to show a certificate."""
        self._lib.SSL_set_verify(self._ssl, int(verify), self._ffi.NULL)

    def resume(self, session: bytes) -> None:
        """Offer a session of an earlier connection; a spoiled one is not offered."""
        parsed = der.parse(self._lib.d2i_SSL_SESSION, session)
        if parsed != self._ffi.NULL:
            self._lib.SSL_set_session(self._ssl, parsed)
            self._lib.SSL_SESSION_free(parsed)

    def ask_for(self, host: str) -> None:
        """Say which host is to be reached; an address is none (RFC 6066 §3)."""
        self._lib.SSL_ctrl(
            self._ssl, _SET_HOST_NAME, 0, self._ffi.new("char[]", host.encode("ascii"))
        )

    def listen(self, hello: bytes) -> bool:
        """Take the record of a ClientHello whose cookie is good."""
        self.feed(hello)
        if self._lib.DTLSv1_listen(self._ssl, _no_address()) == 1:
            return True
        self._lib.ERR_clear_error()
        return False

    def feed(self, records: bytes) -> None:
        """Give it a record, or several that follow each other."""
        self._lib.BIO_write(self._from_peer, records, len(records))

    def advance(self) -> Progress:
        """Shake hands as far as that goes with what was fed."""
        result = self._lib.SSL_do_handshake(self._ssl)
        if result == 1:
            return Progress.DONE
        return Progress.FAILED if self._has_failed(result) else Progress.WAITING

    def output(self) -> bytes:
        """Take the records that it wants sent."""
        read = self._lib.BIO_read(self._to_peer, self._scratch, SCRATCH_BYTES)
        if read <= 0:
            return b""
        made = self._result[:read]
        return made + self.output() if read == SCRATCH_BYTES else made

    @property
    def suite(self) -> int:
        """The number of the chosen cipher suite, 0 as long as there is none."""
        if not self._suite:
            self._suite = self._chosen()
        return self._suite

    @property
    def resumed(self) -> bool:
        """Whether the handshake is an abbreviated one."""
        return bool(self._lib.SSL_session_reused(self._ssl))

    def secrets(self) -> Secrets | None:
        """Return what the keys come from; None before they are agreed on."""
        lib, scratch = self._lib, self._scratch
        session = lib.SSL_get_session(self._ssl)
        if session == self._ffi.NULL:
            return None
        length = lib.SSL_SESSION_get_master_key(session, scratch, MASTER_BYTES)
        if length != MASTER_BYTES:
            return None
        master = self._result[:MASTER_BYTES]
        lib.SSL_get_client_random(self._ssl, scratch, _RANDOM_BYTES)
        client_random = self._result[:_RANDOM_BYTES]
        lib.SSL_get_server_random(self._ssl, scratch, _RANDOM_BYTES)
        return Secrets(master, client_random, self._result[:_RANDOM_BYTES])

    def session(self) -> tuple[bytes, bytes]:
        """Return the session and its id, which may be empty."""
        lib = self._lib
        session = lib.SSL_get_session(self._ssl)
        length = load().scratch.length
        at = lib.SSL_SESSION_get_id(session, length)
        session_id = bytes(self._ffi.buffer(at, length[0])) if length[0] else b""
        return session_id, der.serialized(lib.i2d_SSL_SESSION, session)

    def peer_certificate(self) -> bytes:
        """Return the peer's own certificate in DER, or nothing."""
        return der.build(self._lib.SSL_get1_peer_certificate(self._ssl))

    def read(self) -> bytes:
        """Return what the record holds that was fed last; nothing if it holds none."""
        read = self._lib.SSL_read(self._ssl, self._scratch, SCRATCH_BYTES)
        if read > 0:
            return self._result[:read]
        self._has_failed(read)
        return b""

    def write(self, content: bytes) -> None:
        """Build one record; nothing happens to content that no record can hold."""
        if 0 < len(content) <= _LONGEST_RECORD:
            self._lib.SSL_write(self._ssl, content, len(content))

    def shut_down(self) -> None:
        """Build the alert that says that nothing will follow."""
        self._lib.SSL_shutdown(self._ssl)

    @property
    def ended(self) -> bool:
        """Whether the peer has said that nothing will follow, or all has failed."""
        received = self._lib.SSL_get_shutdown(self._ssl) & _RECEIVED_SHUTDOWN
        return bool(received) or bool(self.reason)

    def _chosen(self) -> int:
        lib, null = self._lib, self._ffi.NULL
        cipher = lib.SSL_get_pending_cipher(self._ssl)
        if cipher == null:
            cipher = lib.SSL_get_current_cipher(self._ssl)
        return 0 if cipher == null else int(lib.SSL_CIPHER_get_id(cipher)) & 0xFFFF

    def _has_failed(self, result: int) -> bool:
        """Say whether a call has failed for good, and keep the reason.

        A forged record is dropped in silence, but leaves an error that OpenSSL's own
        judgment would trip over: it has to go first. Others use the same queue in this
        thread, so it is never left behind.
        """
        code = self._lib.ERR_peek_last_error()
        if code:
            self._lib.ERR_clear_error()
        if self._lib.SSL_get_error(self._ssl, result) in _WANT:
            return False
        self.reason = self._explain(code)
        return True

    def _explain(self, code: int) -> str:
        lib = self._lib
        verified = lib.SSL_get_verify_result(self._ssl)
        if verified != _VERIFIED:
            text = lib.X509_verify_cert_error_string(verified)
        else:
            text = lib.ERR_reason_error_string(code)
        if text == self._ffi.NULL:
            return "the peer ended it"
        return str(self._ffi.string(text).decode())
