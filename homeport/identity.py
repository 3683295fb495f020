"""Who a peer has proved to be, and by what."""

import sys
from dataclasses import dataclass
from enum import StrEnum

import orjson

from homeport.errors import InvalidFormat
from homeport.names import AccountId, DeviceId, EndpointName


class Means(StrEnum):
    """By what a peer proves who it is."""

    NOTHING = "nosec"
    SHARED_KEY = "psk"
    """A key that an account registered for an endpoint name (B-037, B-226)."""
    CERTIFICATE = "certificate"
    """One that chains to a CA which an account trusts (B-034 .. B-036, B-226)."""
    DEVELOPER = "developer"
    """A developer certificate, known by its fingerprint (B-033)."""
    ISSUED = "issued"
    """A credential of ours, handed over by bootstrap (B-040)."""


class Service(StrEnum):
    """Which of the two CoAP services a credential opens (B-005)."""

    BOOTSTRAP = "bootstrap"
    LWM2M = "lwm2m"


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a peer from its credential alone.

    ``name`` is who it is, the same for every credential of the same authority, without
    blanks: a session belongs to it. ``accounts`` are those that may be meant where the
    credential alone does not decide (an ``aid`` then does); ``account`` is the one
    where it does. ``rests_on`` names the entries of the trust view without which it is
    nobody. ``issued`` is when we issued the credential, in milliseconds since 1970, and
    ``expires`` when it ends, 0 for never. ``fingerprint`` is the certificate's SHA-256
    in hex. ``enrolls`` says that an ownership claim may decide the account (B-035),
    ``suspended`` that it is let in only to be told that it is to stay away (B-167).
    """

    name: str
    means: Means
    account: AccountId | None = None
    accounts: tuple[AccountId, ...] = ()
    endpoint_name: EndpointName | None = None
    device: DeviceId | None = None
    rests_on: tuple[str, ...] = ()
    issued: int = 0
    expires: int = 0
    fingerprint: str = ""
    enrolls: bool = False
    suspended: bool = False


NOBODY = Identity(Means.NOTHING.value, Means.NOTHING)
"""Every peer without security: it has proved nothing."""


def build(identity: Identity) -> bytes:
    """Build the text that an association carries to another edge."""
    return orjson.dumps(identity)


def parse(text: bytes) -> Identity:
    """Parse what `build` built; raise InvalidFormat."""
    try:
        given = orjson.loads(text)
        return Identity(
            **given
            | {
                "means": Means(given["means"]),
                "account": given["account"] and sys.intern(given["account"]),
                "accounts": tuple(given["accounts"]),
                "rests_on": tuple(given["rests_on"]),
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFormat("identity", str(error)) from error
