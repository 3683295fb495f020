"""Users of NATS: applications that read an account's facts from NATS itself."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from homeport.events.facts import FactName
from homeport.names import AccountId


class Access(StrEnum):
    """What a user may do."""

    CONSUME = "consume"
    """Take facts from a consumer of its own, each at least once."""
    LISTEN = "listen"
    """Hear facts as they happen, while it is there."""


@dataclass(frozen=True, slots=True)
class NatsUser:
    """A user of an account.

    ``id`` is hex and what NATS calls the user. ``inbox`` is a secret: who knows it
    could send something to the user.
    """

    id: str
    account: AccountId
    name: str
    access: Access
    facts: tuple[FactName, ...]
    inbox: str
    password_digest: str
    created_at: datetime

    def has(self, password: str) -> bool:
        """Say whether a password is the user's."""
        return hmac.compare_digest(self.password_digest, digest(password))


def new_password() -> str:
    """Make a password of 192 random bits."""
    return secrets.token_urlsafe(24)


def digest(password: str) -> str:
    """Return what is stored of a password: random enough for a fast hash."""
    return hashlib.sha256(password.encode()).hexdigest()
