"""libssl 3 of the system, loaded when it is first needed.

cffi in ABI mode needs no compiler and no header. The `cryptography` package carries an
OpenSSL of its own; objects of the two must never meet.
"""

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import cffi

from homeport.errors import InvalidConfiguration

SCRATCH_BYTES = 2**16

_NAMES = ("libssl.so.3", "libssl.3.dylib")

_DECLARATIONS = """
typedef struct ssl_method_st SSL_METHOD;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;
typedef struct ssl_cipher_st SSL_CIPHER;
typedef struct ssl_session_st SSL_SESSION;
typedef struct bio_method_st BIO_METHOD;
typedef struct bio_st BIO;
typedef struct bio_addr_st BIO_ADDR;
typedef struct x509_st X509;
typedef struct x509_store_st X509_STORE;
typedef struct X509_VERIFY_PARAM_st X509_VERIFY_PARAM;
typedef struct evp_pkey_st EVP_PKEY;

void ERR_clear_error(void);
unsigned long ERR_peek_last_error(void);
const char *ERR_reason_error_string(unsigned long);

const BIO_METHOD *BIO_s_mem(void);
BIO *BIO_new(const BIO_METHOD *);
int BIO_read(BIO *, void *, int);
int BIO_write(BIO *, const void *, int);
BIO_ADDR *BIO_ADDR_new(void);
void BIO_ADDR_free(BIO_ADDR *);

X509 *d2i_X509(X509 **, const unsigned char **, long);
int i2d_X509(X509 *, unsigned char **);
void X509_free(X509 *);
X509_STORE *X509_STORE_new(void);
int X509_STORE_add_cert(X509_STORE *, X509 *);
void X509_STORE_free(X509_STORE *);
int X509_VERIFY_PARAM_set_flags(X509_VERIFY_PARAM *, unsigned long);
void X509_VERIFY_PARAM_set_auth_level(X509_VERIFY_PARAM *, int);
const char *X509_verify_cert_error_string(long);
EVP_PKEY *d2i_AutoPrivateKey(EVP_PKEY **, const unsigned char **, long);
void EVP_PKEY_free(EVP_PKEY *);

const SSL_METHOD *DTLS_server_method(void);
const SSL_METHOD *DTLS_client_method(void);
const SSL_METHOD *TLS_server_method(void);
const SSL_METHOD *TLS_client_method(void);
SSL_CTX *SSL_CTX_new(const SSL_METHOD *);
void SSL_CTX_free(SSL_CTX *);
long SSL_CTX_ctrl(SSL_CTX *, int, long, void *);
long SSL_CTX_callback_ctrl(SSL_CTX *, int, void *);
uint64_t SSL_CTX_set_options(SSL_CTX *, uint64_t);
int SSL_CTX_set_cipher_list(SSL_CTX *, const char *);
void SSL_CTX_set_verify(SSL_CTX *, int, void *);
long SSL_CTX_set_timeout(SSL_CTX *, long);
int SSL_CTX_set_session_id_context(SSL_CTX *, const unsigned char *, unsigned int);
X509_VERIFY_PARAM *SSL_CTX_get0_param(SSL_CTX *);
int SSL_CTX_use_certificate(SSL_CTX *, X509 *);
int SSL_CTX_use_PrivateKey(SSL_CTX *, EVP_PKEY *);
void SSL_CTX_set_psk_server_callback(SSL_CTX *,
    unsigned int (*)(SSL *, const char *, unsigned char *, unsigned int));
void SSL_CTX_set_psk_client_callback(SSL_CTX *,
    unsigned int (*)(SSL *, const char *, char *, unsigned int,
                     unsigned char *, unsigned int));
void SSL_CTX_set_cookie_verify_cb(SSL_CTX *,
    int (*)(SSL *, const unsigned char *, unsigned int));
void SSL_CTX_sess_set_get_cb(SSL_CTX *,
    SSL_SESSION *(*)(SSL *, const unsigned char *, int, int *));
int SSL_CTX_add_custom_ext(SSL_CTX *, unsigned int, unsigned int,
    int (*)(SSL *, unsigned int, unsigned int, const unsigned char **, size_t *,
            X509 *, size_t, int *, void *),
    void *, void *,
    int (*)(SSL *, unsigned int, unsigned int, const unsigned char *, size_t,
            X509 *, size_t, int *, void *),
    void *);

SSL *SSL_new(SSL_CTX *);
void SSL_free(SSL *);
void SSL_set_bio(SSL *, BIO *, BIO *);
void SSL_set_accept_state(SSL *);
void SSL_set_connect_state(SSL *);
long SSL_ctrl(SSL *, int, long, void *);
int SSL_set_cipher_list(SSL *, const char *);
void SSL_set_verify(SSL *, int, void *);
int SSL_set_session(SSL *, SSL_SESSION *);
int SSL_use_certificate(SSL *, X509 *);
int SSL_use_PrivateKey(SSL *, EVP_PKEY *);
const char *SSL_get_servername(const SSL *, int);
void DTLS_set_timer_cb(SSL *, unsigned int (*)(SSL *, unsigned int));
int DTLSv1_listen(SSL *, BIO_ADDR *);
int SSL_do_handshake(SSL *);
int SSL_read(SSL *, void *, int);
int SSL_write(SSL *, const void *, int);
int SSL_shutdown(SSL *);
int SSL_get_error(const SSL *, int);
int SSL_get_shutdown(const SSL *);
long SSL_get_verify_result(const SSL *);
const SSL_CIPHER *SSL_get_pending_cipher(const SSL *);
const SSL_CIPHER *SSL_get_current_cipher(const SSL *);
uint32_t SSL_CIPHER_get_id(const SSL_CIPHER *);
size_t SSL_get_client_random(const SSL *, unsigned char *, size_t);
size_t SSL_get_server_random(const SSL *, unsigned char *, size_t);
X509 *SSL_get1_peer_certificate(const SSL *);
int SSL_session_reused(const SSL *);
SSL_SESSION *SSL_get_session(const SSL *);
SSL_SESSION *d2i_SSL_SESSION(SSL_SESSION **, const unsigned char **, long);
int i2d_SSL_SESSION(SSL_SESSION *, unsigned char **);
void SSL_SESSION_free(SSL_SESSION *);
const unsigned char *SSL_SESSION_get_id(const SSL_SESSION *, unsigned int *);
size_t SSL_SESSION_get_master_key(const SSL_SESSION *, unsigned char *, size_t);
"""


class Content(Protocol):
    """Bytes that stand where C has written them."""

    def __getitem__(self, part: slice) -> bytes:
        """Copy some of them."""


class Scratch(NamedTuple):
    """Room for a result of up to SCRATCH_BYTES ``at`` a place, and for its length.

    ``end`` is for functions that move a pointer to the end of what they write.
    """

    at: Any
    content: Content
    end: Any
    length: Any


class Library(NamedTuple):
    """The functions of OpenSSL, and the means to make values for them.

    libcrypto's functions are found through libssl, which is linked to it. What is in
    ``scratch`` is copied at once.
    """

    ffi: Any
    ssl: Any
    scratch: Scratch


@cache
def load() -> Library:
    """Load the library once; raise InvalidConfiguration where it is missing."""
    ffi = cffi.FFI()
    ffi.cdef(_DECLARATIONS)
    ssl = _open(ffi, _NAMES)
    at = ffi.new("unsigned char[]", SCRATCH_BYTES)
    end, length = ffi.new("unsigned char **"), ffi.new("unsigned int *")
    return Library(ffi, ssl, Scratch(at, ffi.buffer(at), end, length))


def _open(ffi: Any, names: tuple[str, ...]) -> Any:
    """Return the functions of the first library that is there.

    They are in a module: it is the object whose attributes Python finds fastest.
    """
    for name in names:
        try:
            opened = ffi.dlopen(name)
        except OSError:
            continue
        functions = ModuleType(name)
        vars(functions).update((each, getattr(opened, each)) for each in dir(opened))
        return functions
    raise InvalidConfiguration(
        "libssl 3",
        "is needed for DTLS and TLS and is not on this system:"
        " install the package libssl3 (Debian, Ubuntu), openssl-libs (Fedora)"
        " or openssl (Alpine, macOS)",
    )
