"""What the handshakes of a service have in common, or those of a fleet of devices."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeport.dtls import suites
from homeport.dtls.association import CidForm
from homeport.dtls.messages import LARGEST_FLIGHT
from homeport.dtls.openssl.connection import Connection
from homeport.dtls.openssl.context import (
    Context,
    Mode,
    Options,
    SessionCache,
    Verify,
    Version,
)
from homeport.errors import InvalidConfiguration

CID_FORMS = (CidForm.RFC, CidForm.DRAFT)
"""In the server's order of preference (B-223)."""
LOWEST_MTU = 256
MTU = 1200

_CIPHERS = f"{suites.openssl_names()}:@SECLEVEL=0"
"""OpenSSL counts an eight-byte tag as no security at all and would refuse CCM_8
(TLS-5): the level goes, and what it stood for is said in the lines that follow."""
_GROUPS = "P-256:X25519"
_SIGNATURES = "ECDSA+SHA256:ECDSA+SHA384"
_AUTH_LEVEL = 2
"""Certificates of at least 112 bits of security."""

_SESSION_PLACE = b"homeport"
_SESSION_SECONDS = 30 * 24 * 3600
"""Longer than the store keeps a session: it is the store's to say when one ends."""


@dataclass(frozen=True, slots=True)
class CertifiedKey:
    """Certificates in DER, the own one first, and its private key (PKCS#8 in DER)."""

    chain: tuple[bytes, ...]
    key: bytes = field(repr=False)


class ServerContext:
    """Certificates, suites and limits of a server; without a certificate PSK is left.

    ``stream`` is for TLS instead of DTLS. ``resumption`` is by session id; there are no
    tickets, which deployed TLS clients stumble over (TLS-27). ServerHello tells the
    time, by which devices set their clocks (TLS-20). Datagrams have at most ``mtu``
    bytes. A client that asks for one of the ``hosts`` is shown what that has, any other
    one is shown ``certified`` (RFC 6066 §3). Raises InvalidConfiguration without
    libssl 3, and InvalidFormat.
    """

    def __init__(
        self,
        certified: CertifiedKey | None,
        *,
        hosts: Mapping[str, CertifiedKey] | None = None,
        stream: bool = False,
        resumption: bool = False,
        mtu: int = MTU,
    ) -> None:
        self._hosts = hosts or {}
        self.stream = stream
        self.resumption = resumption
        self.mtu = _checked(mtu)
        self.openssl = _common(server=True, stream=stream)
        self.openssl.configure(
            Options.CIPHER_SERVER_PREFERENCE, Mode.SEND_SERVERHELLO_TIME
        )
        self.openssl.verify(
            Verify.PEER | Verify.FAIL_IF_NO_PEER_CERT,
            auth_level=_AUTH_LEVEL,
            longest_list=LARGEST_FLIGHT,
        )
        self.openssl.keep_sessions(
            SessionCache.SERVER | SessionCache.NO_INTERNAL
            if resumption
            else SessionCache.OFF,
            place=_SESSION_PLACE,
            seconds=_SESSION_SECONDS,
        )
        if self._hosts:
            self.openssl.choose()
        if certified is not None:
            self.openssl.use(certified.chain, certified.key)

    def show(self, connection: Connection, host: str) -> bool:
        """Have a connection show the certificate of a host, if that has its own."""
        name = host.lower().removesuffix(".")
        _, dot, domain = name.partition(".")
        certified = self._hosts.get(name) or self._hosts.get(f"*{dot}{domain}")
        if certified is None:
            return False
        connection.use(certified.chain, certified.key)
        return True


class ClientContext:
    """What thousands of devices share; each connection has credentials of its own."""

    def __init__(self, *, stream: bool = False, mtu: int = MTU) -> None:
        self.stream = stream
        self.mtu = _checked(mtu)
        self.openssl = _common(server=False, stream=stream)
        self.openssl.verify(
            Verify.NONE, auth_level=_AUTH_LEVEL, longest_list=LARGEST_FLIGHT
        )


def _common(*, server: bool, stream: bool) -> Context:
    version = Version.TLS_1_2 if stream else Version.DTLS_1_2
    context = Context(version, server=server)
    options = Options.NO_TICKET | Options.NO_RENEGOTIATION
    if not stream:
        # a forged record under encrypt-then-MAC ends libssl's DTLS (B-220)
        options |= Options.NO_QUERY_MTU | Options.NO_ENCRYPT_THEN_MAC
    context.configure(options, Mode.NO_AUTO_CHAIN | Mode.RELEASE_BUFFERS)
    context.limit(ciphers=_CIPHERS, groups=_GROUPS, signatures=_SIGNATURES)
    context.extend(CID_FORMS)
    return context


def _checked(mtu: int) -> int:
    if mtu < LOWEST_MTU:
        raise InvalidConfiguration("mtu", f"is below {LOWEST_MTU}: {mtu}")
    return mtu
