"""The installation's own certificates: its root, its issuer, and both servers'.

They are made at the first start, and each of them may be replaced by another one of our
own, or by one that somebody brings. Of a brought root the private key may be missing:
its server certificates have to be brought too then. A former root or issuer is still
good until somebody withdraws it.
"""

import ipaddress
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from homeport.errors import InvalidParameter
from homeport.identity import Service
from homeport.pki import authorities as pki
from homeport.pki import certificates, servers
from homeport.pki.authorities import Authority
from homeport.pki.installation import Installation
from homeport.pki.keys import CertifiedKey

ROOT_NAME = "Homeport root"
ISSUER_NAME = "Homeport issuer"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Name(StrEnum):
    """The certificates that an installation has of its own."""

    ROOT = "root"
    ISSUER = "issuer"
    BOOTSTRAP = Service.BOOTSTRAP.value
    LWM2M = Service.LWM2M.value


SERVERS: Mapping[Name, Service] = {Name(each.value): each for each in Service}


@dataclass(frozen=True, slots=True)
class Held:
    """One of them in DER, with its private key if there is one."""

    name: Name
    certificate: bytes
    key: bytes | None = field(default=None, repr=False)
    brought: bool = False


@dataclass(frozen=True, slots=True)
class Brought:
    """What somebody brings, in PEM."""

    certificate: str
    private_key: str | None = field(default=None, repr=False)


Hosts = Mapping[Service, Sequence[str]]


def hosts_of(url: str) -> tuple[str, ...]:
    """Return the names that a server is reached by: its public one, and on loopback."""
    public = urlsplit(url).hostname or ""
    with suppress(ValueError):
        public = str(ipaddress.ip_address(public))
    return tuple(dict.fromkeys((public, *LOOPBACK)))


def complete(kept: Mapping[Name, Held], hosts: Hosts, *, now: datetime) -> list[Held]:
    """Make what is missing, and servers' certificates that are not right any more.

    Those that somebody brought are right as long as the root has signed them. Raises
    InvalidParameter where one would have to be signed and the root's key is not here,
    or a host is none.
    """
    made: list[Held] = []
    root = kept.get(Name.ROOT)
    if root is None:
        root = _own(Name.ROOT, pki.create_root(ROOT_NAME).export())
        made.append(root)
    if Name.ISSUER not in kept:
        issuer = pki.create_issuer(ISSUER_NAME, now=now)
        made.append(_own(Name.ISSUER, issuer.export()))
    for name, service in SERVERS.items():
        server = kept.get(name)
        if server is not None and _is_right(server, root, hosts[service]):
            continue
        made.append(_own(name, pki.create_server(_signer(root, name), hosts[service])))
    return made


def bring(
    name: Name,
    brought: Brought,
    own_servers: Mapping[Name, Brought],
    *,
    kept: Mapping[Name, Held],
    now: datetime,
) -> list[Held]:
    """Check what somebody brings; raise InvalidParameter that says what is wrong.

    ``own_servers`` come with a root.
    """
    if name in SERVERS:
        return [_bring_server(name, brought, kept[Name.ROOT].certificate, now)]
    if brought.private_key is not None:
        authority = pki.parse(brought.certificate, brought.private_key, now=now)
        exported = authority.export()
        held = Held(name, exported.certificate, exported.key, brought=True)
    elif name is Name.ROOT:
        certificate = pki.parse_certificate(brought.certificate)
        held = Held(name, certificate.der, brought=True)
    else:
        raise InvalidParameter("private_key", "is needed: an issuer has to sign")
    if name is not Name.ROOT:
        return [held]
    return [
        held,
        *(
            _bring_server(server, pair, held.certificate, now)
            for server, pair in own_servers.items()
        ),
    ]


def renew(
    name: Name, *, kept: Mapping[Name, Held], hosts: Hosts, now: datetime
) -> Held:
    """Make another one of our own, with a key and a name of its own.

    Raises InvalidParameter for a server where the root's key is not here.
    """
    match name:
        case Name.ROOT:
            return _own(name, pki.create_root(_another(ROOT_NAME)).export())
        case Name.ISSUER:
            made = pki.create_issuer(_another(ISSUER_NAME), now=now)
            return _own(name, made.export())
        case _:
            root = _signer(kept[Name.ROOT], name)
            return _own(name, pki.create_server(root, hosts[SERVERS[name]]))


def installation(kept: Mapping[Name, Held]) -> Installation:
    """Return what the edges show and sign with."""
    return Installation(
        root=kept[Name.ROOT].certificate,
        issuer=_certified(kept[Name.ISSUER]),
        servers={service: _certified(kept[name]) for name, service in SERVERS.items()},
    )


def _another(name: str) -> str:
    """Call one so that it can be told from all that came before."""
    return f"{name} {secrets.token_hex(4)}"


def _own(name: Name, made: CertifiedKey) -> Held:
    return Held(name, made.certificate, made.key)


def _certified(held: Held) -> CertifiedKey:
    return CertifiedKey(held.certificate, held.key or b"")


def _is_right(server: Held, root: Held, hosts: Iterable[str]) -> bool:
    signed = certificates.parse(server.certificate)
    if not signed.is_signed_by(certificates.parse(root.certificate)):
        return False
    return server.brought or servers.hosts(server.certificate) == set(hosts)


def _signer(root: Held, name: Name) -> Authority:
    if root.key is None:
        raise InvalidParameter(
            name.value, "is needed: the root's key is not here to sign one"
        )
    return Authority.load(CertifiedKey(root.certificate, root.key))


def _bring_server(name: Name, brought: Brought, root: bytes, now: datetime) -> Held:
    if brought.private_key is None:
        raise InvalidParameter("private_key", "is needed: a server has to prove itself")
    made = servers.parse(brought.certificate, brought.private_key, root=root, now=now)
    return Held(name, made.certificate, made.key, brought=True)
