"""What a peer presents in a handshake, and what the trust view says of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from homeport.identity import Identity
from homeport.names import AccountId


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A PSK identity (RFC 4279): 1 to 128 bytes of UTF-8 without NUL."""

    identity: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """Certificates in DER, the peer's own first; at least that one."""

    certificates: tuple[bytes, ...]


Credential = SharedKey | Chain


@dataclass(frozen=True, slots=True)
class Admission:
    """Who a peer will be once it proves that it holds its credential.

    ``key`` is that of a SharedKey. ``anchors`` are certificates in DER: the chain has
    to lead to one of them, which may be the peer's own. ``alerts`` says whether the
    peer may hear an alert should its proof fail (B-066).

    One that is suspended is to keep its credentials (B-167): over DTLS it hears
    nothing, but the end of a stream would cost it them, so that it comes in there.
    """

    identity: Identity
    key: bytes = field(default=b"", repr=False)
    anchors: tuple[bytes, ...] = ()
    alerts: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a credential opens nothing; ``alerts`` as in `Admission`.

    ``authority`` is the trusted certificate that would open it if it were active.
    """

    reason: str
    alerts: bool = True
    account: AccountId | None = None
    endpoint_name: str = ""
    fingerprint: str = ""
    authority: str = ""


def unproven(who: Identity, reason: str) -> Refusal:
    """Say why somebody was not taken for who it would have been."""
    return Refusal(
        reason,
        account=who.account,
        endpoint_name=who.endpoint_name or "",
        fingerprint=who.fingerprint,
    )


def suspended(who: Identity) -> Refusal:
    """Say why somebody who is suspended is not let in."""
    return Refusal(
        "the device is suspended",
        alerts=False,
        account=who.account,
        endpoint_name=who.endpoint_name or "",
        fingerprint=who.fingerprint,
    )


class Trust(Protocol):
    """What the trust view answers; all raise Unavailable."""

    async def admit(
        self, credentials: Sequence[Credential]
    ) -> list[Admission | Refusal]:
        """Say of each who a peer that holds it would be."""

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        """Say of each whether it still is who it was."""
