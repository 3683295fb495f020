"""A DTLS server in OpenSSL alone, through cffi: what our handshakes are held to.

It does for a client what ours does: verifies a cookie, looks its identity up, repeats
flights that were lost, hands over what another replica can resume the session with.
What only ours has is not here: connection ids, associations that float, limits.
"""

import asyncio
import hmac
import socket
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

import cffi
import uvloop

from homeport.dtls import suites
from homeport.dtls.cookies import COOKIE_BYTES

DECLARATIONS = """
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;
typedef struct bio_st BIO;
typedef struct x509_st X509;
typedef struct ssl_session_st SSL_SESSION;
struct timeval { long tv_sec; long tv_usec; };
void *DTLS_server_method(void);
SSL_CTX *SSL_CTX_new(void *);
int SSL_CTX_set_cipher_list(SSL_CTX *, const char *);
uint64_t SSL_CTX_set_options(SSL_CTX *, uint64_t);
long SSL_CTX_ctrl(SSL_CTX *, int, long, void *);
void SSL_CTX_set_verify(SSL_CTX *, int, void *);
int SSL_CTX_set_session_id_context(SSL_CTX *, const char *, unsigned int);
int SSL_CTX_use_certificate_file(SSL_CTX *, const char *, int);
int SSL_CTX_use_PrivateKey_file(SSL_CTX *, const char *, int);
void *SSL_CTX_get_cert_store(SSL_CTX *);
X509 *d2i_X509(X509 **, const unsigned char **, long);
int X509_STORE_add_cert(void *, X509 *);
void SSL_CTX_set_psk_server_callback(SSL_CTX *,
    unsigned int (*)(SSL *, const char *, unsigned char *, unsigned int));
void SSL_CTX_set_cookie_generate_cb(SSL_CTX *,
    int (*)(SSL *, unsigned char *, unsigned int *));
void SSL_CTX_set_cookie_verify_cb(SSL_CTX *,
    int (*)(SSL *, const unsigned char *, unsigned int));
void SSL_CTX_sess_set_new_cb(SSL_CTX *, int (*)(SSL *, SSL_SESSION *));
const unsigned char *SSL_SESSION_get_id(const SSL_SESSION *, unsigned int *);
int i2d_SSL_SESSION(SSL_SESSION *, unsigned char **);
SSL *SSL_new(SSL_CTX *);
void SSL_free(SSL *);
long SSL_ctrl(SSL *, int, long, void *);
void SSL_set_bio(SSL *, BIO *, BIO *);
void SSL_set_accept_state(SSL *);
int DTLSv1_listen(SSL *, void *);
int SSL_do_handshake(SSL *);
int SSL_get_error(const SSL *, int);
void ERR_clear_error(void);
BIO *BIO_new(void *);
void *BIO_s_mem(void);
void *BIO_ADDR_new(void);
int BIO_read(BIO *, void *, int);
int BIO_write(BIO *, const void *, int);
"""
OPTIONS = 1 << 12 | 1 << 13 | 1 << 14 | 1 << 22 | 1 << 30
"""No MTU query, cookie exchange, no ticket, server's preference, no renegotiation."""
PEER_AND_CERTIFICATE = 3
SESSIONS_ELSEWHERE = 0x302
"""Sessions are a server's to keep, and not in this process."""
IDENTITY = b"bench"
SET_SESSION_CACHE = 44
SET_MTU, GET_TIMEOUT, HANDLE_TIMEOUT = 17, 73, 74
SET_GROUPS, SET_SIGNATURES = 92, 98
DER = 2
SIGNATURES = b"ECDSA+SHA256"
MTU = 1200
ROOM = 2**16
WANT_READ = 2

Address = tuple[str, int]

ffi = cffi.FFI()
ffi.cdef(DECLARATIONS)
lib = ffi.dlopen("libssl.so.3")
room = ffi.new("unsigned char[]", ROOM)


class Peer:
    """One SSL object between two memory BIOs; ``timer`` repeats its flight."""

    timer: asyncio.TimerHandle | None = None

    def __init__(self, context: Any) -> None:
        self.ssl = lib.SSL_new(context)
        self.inward, self.outward = (lib.BIO_new(lib.BIO_s_mem()) for _ in range(2))
        lib.SSL_set_bio(self.ssl, self.inward, self.outward)
        lib.SSL_ctrl(self.ssl, SET_MTU, MTU, ffi.NULL)
        lib.SSL_set_accept_state(self.ssl)


class Server:
    """A UDP port that shakes hands with everybody, and forgets them."""

    def __init__(self, opened: socket.socket, folder: Path) -> None:
        self._socket = opened
        self._loop = asyncio.get_running_loop()
        self._left = ffi.new("struct timeval *")
        self._secret = (folder / "psk").read_bytes()
        self._keys = {IDENTITY: self._secret}
        self._length = ffi.new("unsigned int *")
        self._address: Address = ("", 0)
        self._from = lib.BIO_ADDR_new()
        self._asked = (
            ffi.callback(
                "unsigned(SSL *, char *, unsigned char *, unsigned)", self._key
            ),
            ffi.callback("int(SSL *, unsigned char *, unsigned *)", self._cookie),
            ffi.callback(
                "int(SSL *, const unsigned char *, unsigned)", self._is_cookie
            ),
            ffi.callback("int(SSL *, SSL_SESSION *)", self._keep),
        )
        self._context = self._configured(folder)
        self._next = Peer(self._context)
        self._peers: dict[Address, Peer] = {}

    def read(self) -> None:
        """Read until the socket is empty."""
        while True:
            try:
                datagram, address = self._socket.recvfrom(ROOM)
            except BlockingIOError:
                return
            self._receive(datagram, address)

    def _receive(self, datagram: bytes, address: Address) -> None:
        peer = self._peers.get(address)
        if peer is not None:
            lib.BIO_write(peer.inward, datagram, len(datagram))
        else:
            peer, self._address = self._next, address
            lib.BIO_write(peer.inward, datagram, len(datagram))
            if lib.DTLSv1_listen(peer.ssl, self._from) != 1:
                self._send(peer, address)
                return
            self._peers[address] = peer
            self._next = Peer(self._context)
        self._shake_hands(peer, address)

    def _shake_hands(self, peer: Peer, address: Address) -> None:
        result = lib.SSL_do_handshake(peer.ssl)
        self._send(peer, address)
        if peer.timer is not None:
            peer.timer.cancel()
        if result == 1 or lib.SSL_get_error(peer.ssl, result) != WANT_READ:
            lib.ERR_clear_error()
            lib.SSL_free(self._peers.pop(address).ssl)
        elif lib.SSL_ctrl(peer.ssl, GET_TIMEOUT, 0, self._left):
            seconds = self._left.tv_sec + self._left.tv_usec / 1e6
            peer.timer = self._loop.call_later(seconds, self._repeat, peer, address)

    def _repeat(self, peer: Peer, address: Address) -> None:
        lib.SSL_ctrl(peer.ssl, HANDLE_TIMEOUT, 0, ffi.NULL)
        self._shake_hands(peer, address)

    def _send(self, peer: Peer, address: Address) -> None:
        length = lib.BIO_read(peer.outward, room, ROOM)
        if length > 0:
            self._socket.sendto(ffi.buffer(room, length), address)

    def _configured(self, folder: Path) -> Any:
        context = lib.SSL_CTX_new(lib.DTLS_server_method())
        names = f"{suites.openssl_names()}:@SECLEVEL=0".encode()
        lib.SSL_CTX_set_cipher_list(context, names)
        lib.SSL_CTX_set_options(context, OPTIONS)
        for control, value in ((SET_GROUPS, b"P-256"), (SET_SIGNATURES, SIGNATURES)):
            lib.SSL_CTX_ctrl(context, control, 0, ffi.new("char[]", value))
        lib.SSL_CTX_set_verify(context, PEER_AND_CERTIFICATE, ffi.NULL)
        lib.SSL_CTX_set_session_id_context(context, b"bench", 5)
        lib.SSL_CTX_ctrl(context, SET_SESSION_CACHE, SESSIONS_ELSEWHERE, ffi.NULL)
        lib.SSL_CTX_use_certificate_file(context, bytes(folder / "server"), DER)
        lib.SSL_CTX_use_PrivateKey_file(context, bytes(folder / "server.key"), DER)
        der = (folder / "ca").read_bytes()
        at = ffi.new("const unsigned char **", ffi.from_buffer("unsigned char[]", der))
        anchor = lib.d2i_X509(ffi.NULL, at, len(der))
        lib.X509_STORE_add_cert(lib.SSL_CTX_get_cert_store(context), anchor)
        key, cookie, is_cookie, keep = self._asked
        lib.SSL_CTX_set_psk_server_callback(context, key)
        lib.SSL_CTX_set_cookie_generate_cb(context, cookie)
        lib.SSL_CTX_set_cookie_verify_cb(context, is_cookie)
        lib.SSL_CTX_sess_set_new_cb(context, keep)
        return context

    def _key(self, _ssl: Any, identity: Any, out: Any, _most: int) -> int:
        key = self._keys.get(ffi.string(identity), b"")
        ffi.memmove(out, key, len(key))
        return len(key)

    def _keep(self, _ssl: Any, session: Any) -> int:
        at = lib.SSL_SESSION_get_id(session, self._length)
        session_id = bytes(ffi.buffer(at, self._length[0]))
        length = lib.i2d_SSL_SESSION(session, ffi.new("unsigned char **", room))
        self._put(session_id, bytes(ffi.buffer(room, length)))
        return 0

    def _put(self, session_id: bytes, session: bytes) -> None:
        """Stand in for a store, which is not measured."""

    def _made_cookie(self) -> bytes:
        address = repr(self._address).encode()
        return blake2b(address, key=self._secret, digest_size=COOKIE_BYTES).digest()

    def _cookie(self, _ssl: Any, out: Any, length: Any) -> int:
        made = self._made_cookie()
        ffi.memmove(out, made, len(made))
        length[0] = len(made)
        return 1

    def _is_cookie(self, _ssl: Any, at: Any, length: int) -> int:
        return hmac.compare_digest(self._made_cookie(), bytes(ffi.buffer(at, length)))


async def main(port: int, folder: Path) -> None:
    """Serve until the process ends."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind(("127.0.0.1", port))
    server = Server(opened, folder)
    asyncio.get_running_loop().add_reader(opened, server.read)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), Path(sys.argv[2])))
