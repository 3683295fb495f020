"""What the trust view says of credentials and devices, one entry for each.

An entry's ``name`` stands in `Identity.rests_on` of everybody who is trusted because of
it, and in what `TrustChanges` tells.
"""

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace

import orjson

from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol.configurations import Selector
from homeport.store import keys

AUTHORITY = "authority"
"""The name of the installation's own authority: its CAs, and what they have signed."""
_CERTIFICATE = "ca:"
_ISSUER = "issuer:"
_CONFIGURATION = "bootstrap:"


def digest(content: bytes) -> str:
    """Return the SHA-256 by which identities, subjects and certificates are found."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A key that an account registered for an endpoint name (B-037, B-226).

    ``identity`` is the PSK identity; ``id`` is the registration's own.
    """

    id: str
    service: Service
    identity: bytes
    account: AccountId
    endpoint_name: EndpointName
    key: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What identities rest on."""
        return key_name(self.service, self.identity)


@dataclass(frozen=True, slots=True)
class TrustedCertificate:
    """A CA that an account trusts (B-034 .. B-036, B-226).

    ``subject`` is the `digest` of its subject in DER, ``certificate`` all of it in DER.
    ``proven`` says that the account has shown that it holds the CA's key. One that is
    not ``active`` trusts nobody, but a refusal can tell of it (B-041).
    """

    id: str
    account: AccountId
    subject: str
    certificate: bytes = field(repr=False)
    service: Service
    enrollment_mode: bool
    proven: bool
    active: bool

    @property
    def name(self) -> str:
        """What identities rest on; there only while it is active."""
        return f"{_CERTIFICATE}{self.id}"


@dataclass(frozen=True, slots=True)
class Pin:
    """A developer certificate, known by its fingerprint (B-033)."""

    id: str
    account: AccountId
    fingerprint: str

    @property
    def name(self) -> str:
        """What identities rest on."""
        return pin_name(self.fingerprint)


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """What limits a device's credentials.

    Those that we issued before ``not_before`` (milliseconds since 1970) are refused.
    ``developer`` is the fingerprint of the developer certificate that the device came
    with, or ''.
    """

    id: DeviceId
    account: AccountId
    not_before: int = 0
    developer: str = ""
    suspended: bool = False

    @property
    def name(self) -> str:
        """What identities rest on; a device without an entry is not limited."""
        return device_name(self.id)


@dataclass(frozen=True, slots=True)
class Claim:
    """An account's claim of the device whose certificate has this fingerprint (B-135).

    It goes by itself when it ``expires``, in milliseconds since 1970; 0 is never.
    """

    id: str
    account: AccountId
    fingerprint: str
    expires: int = 0

    @property
    def name(self) -> str:
        """What it is found by."""
        return claim_name(self.fingerprint)


@dataclass(frozen=True, slots=True)
class BootstrapConfiguration:
    """What an account wants some of its devices to be given at bootstrap.

    ``content`` is what `homeport.store.configurations` builds of it.
    """

    account: AccountId
    selector: Selector
    content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What its content is found by."""
        return configuration_name(self.selector.id)


@dataclass(frozen=True, slots=True)
class DefinedObject:
    """An object in one of its versions, as an account has defined it.

    ``place`` is both, as ``3303/1.1``; ``content`` is as in `BootstrapConfiguration`.
    """

    account: AccountId
    place: str
    content: bytes

    @property
    def name(self) -> str:
        """What edges are told of, when it changes."""
        return f"definitions:{self.account}"


Entry = (
    RegisteredKey
    | TrustedCertificate
    | Pin
    | DeviceEntry
    | Claim
    | BootstrapConfiguration
    | DefinedObject
)


def key_name(service: Service, identity: bytes) -> str:
    """Name the entry of a PSK identity."""
    return f"psk:{service}:{digest(identity)}"


def pin_name(fingerprint: str) -> str:
    """Name the entry of a developer certificate."""
    return f"pin:{fingerprint}"


def claim_name(fingerprint: str) -> str:
    """Name the entry of a claim."""
    return f"claim:{fingerprint}"


def configuration_name(identity: str) -> str:
    """Name the content of a bootstrap configuration."""
    return f"{_CONFIGURATION}{identity}"


def is_configuration(name: str) -> bool:
    """Say whether a name is that of a bootstrap configuration."""
    return name.startswith(_CONFIGURATION)


def certificate_id(name: str) -> str:
    """Return the id of the trusted certificate that a name is of; '' for others."""
    return name.removeprefix(_CERTIFICATE) if name.startswith(_CERTIFICATE) else ""


def issuer_name(fingerprint: str) -> str:
    """Name an issuer within `AUTHORITY`, by the SHA-256 of its certificate."""
    return f"{_ISSUER}{fingerprint}"


def is_issuer(name: str) -> bool:
    """Say whether a name is that of an issuer, which is no entry of its own."""
    return name.startswith(_ISSUER)


def device_name(device: DeviceId) -> str:
    """Name the entry of a device."""
    return f"device:{device}"


def build(entry: Entry) -> bytes:
    """Build the JSON of an entry; bytes become base64."""
    return orjson.dumps(entry, default=_text)


def build_key(entry: RegisteredKey, keyring: Keyring) -> bytes:
    """Build the JSON of a registered key, sealed for its place."""
    sealed = keyring.seal(entry.key, place=keys.trust(entry.name))
    return build(replace(entry, key=sealed))


def parse_key(text: bytes, keyring: Keyring) -> RegisteredKey:
    """Parse what `build_key` built; raise InvalidFormat where it cannot be opened."""
    given = orjson.loads(text)
    entry = RegisteredKey(
        **given
        | {
            "service": Service(given["service"]),
            "identity": b64decode(given["identity"]),
            "key": b64decode(given["key"]),
        }
    )
    opened = keyring.open(entry.key, place=keys.trust(entry.name))
    return replace(entry, key=opened)


def parse_certificate(text: bytes) -> TrustedCertificate:
    """Parse what `build` built of a trusted certificate."""
    given = orjson.loads(text)
    return TrustedCertificate(
        **given
        | {
            "service": Service(given["service"]),
            "certificate": b64decode(given["certificate"]),
        }
    )


def parse_pin(text: bytes) -> Pin:
    """Parse what `build` built of a pin."""
    return Pin(**orjson.loads(text))


def parse_device(text: bytes) -> DeviceEntry:
    """Parse what `build` built of a device."""
    return DeviceEntry(**orjson.loads(text))


def parse_claim(text: bytes) -> Claim:
    """Parse what `build` built of a claim."""
    return Claim(**orjson.loads(text))


def _text(content: bytes) -> str:
    return b64encode(content).decode()
