"""Roots and issuers that others have followed: still good until they are withdrawn.

So devices go on with what they were given before. Certificates of a former issuer open
the LwM2M server until they expire. A former root has certified the one that followed:
servers show that bridge, by which devices that know only the former one believe them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from homeport.errors import InvalidParameter
from homeport.pki import authorities as pki
from homeport.pki import certificates
from homeport.pki.authorities import Authority
from homeport.pki.installation import Installation
from homeport.pki.keys import CertifiedKey
from services.directory.credentials.authorities import Held, Name

MOST: Mapping[Name, int] = {Name.ROOT: 1, Name.ISSUER: 8}
"""How many may be good at a time: a server can show one bridge."""
MOST_WITHDRAWN = 32
"""Issuers that edges still know as withdrawn; of older ones they know nothing."""


@dataclass(frozen=True, slots=True)
class Former:
    """A root or an issuer that has been replaced, in DER.

    A root's ``bridge`` is the one that followed, certified by it.
    """

    name: Name
    certificate: bytes
    bridge: bytes = b""
    withdrawn: bool = False

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of its certificate, 64 hex characters."""
        return certificates.fingerprint(self.certificate)


def retire(before: Mapping[Name, Held], after: Mapping[Name, Held]) -> Iterable[Former]:
    """Return those that have been replaced and can still be good.

    A root whose key is not here can not: it vouches for nobody.
    """
    for name in MOST:
        old, new = before[name], after[name]
        if old.certificate == new.certificate:
            continue
        if name is Name.ISSUER:
            yield Former(name, old.certificate)
        elif old.key is not None:
            root = certificates.parse(new.certificate)
            former = Authority.load(CertifiedKey(old.certificate, old.key))
            yield Former(name, old.certificate, pki.bridge(root, former=former))


def require_room(formers: Iterable[Former]) -> None:
    """Raise InvalidParameter where more would be good at a time than may be."""
    count = Counter(each.name for each in formers if not each.withdrawn)
    for name, most in MOST.items():
        if count[name] > most:
            raise InvalidParameter(
                name.value,
                "has as many former ones as may be good: withdraw one first",
            )


def remembered(shown: Installation, formers: Iterable[Former]) -> Installation:
    """Return what edges know with those that came before, given the newest first."""
    bridge = b""
    good: list[bytes] = []
    withdrawn: list[str] = []
    for each in formers:
        match each:
            case Former(name=Name.ISSUER, withdrawn=True):
                parsed = certificates.parse(each.certificate)
                withdrawn.append(parsed.subject_digest)
            case Former(name=Name.ISSUER):
                good.append(each.certificate)
            case Former(withdrawn=False):
                bridge = each.bridge
    return replace(
        shown,
        bridge=bridge,
        former_issuers=tuple(good),
        withdrawn=tuple(withdrawn[:MOST_WITHDRAWN]),
    )
