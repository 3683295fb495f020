"""What an installation shows and signs with, as the trust view carries it."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from homeport.errors import InvalidFormat
from homeport.identity import Service
from homeport.pki.keys import CertifiedKey


@dataclass(frozen=True, slots=True)
class Installation:
    """The CA that devices trust, the issuer of their certificates, and both servers'.

    ``root`` is a certificate in DER: the edges never sign with it. Servers show
    ``bridge`` behind their own, if there is one: the root, certified by the one before
    it. Certificates of ``former_issuers`` are still good; those of issuers whose
    subjects have one of the ``withdrawn`` digests are not.
    """

    root: bytes
    issuer: CertifiedKey
    servers: Mapping[Service, CertifiedKey]
    bridge: bytes = b""
    former_issuers: tuple[bytes, ...] = ()
    withdrawn: tuple[str, ...] = ()

    @property
    def issuers(self) -> tuple[bytes, ...]:
        """All whose certificates are good, the one that signs them first."""
        return (self.issuer.certificate, *self.former_issuers)


def build(installation: Installation) -> bytes:
    """Build the JSON that `parse` reads; it holds keys and has to be sealed."""
    return orjson.dumps(installation, default=_text, option=orjson.OPT_NON_STR_KEYS)


def parse(text: bytes) -> Installation:
    """Parse what `build` built; raise InvalidFormat."""
    try:
        given = orjson.loads(text)
        return Installation(
            b64decode(given["root"]),
            _certified(given["issuer"]),
            {service: _certified(given["servers"][service]) for service in Service},
            bridge=b64decode(given.get("bridge", "")),
            former_issuers=tuple(map(b64decode, given.get("former_issuers", ()))),
            withdrawn=tuple(map(str, given.get("withdrawn", ()))),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFormat("installation", str(error)) from error


def _certified(given: Mapping[str, str]) -> CertifiedKey:
    return CertifiedKey(b64decode(given["certificate"]), b64decode(given["key"]))


def _text(content: bytes) -> str:
    return b64encode(content).decode()
