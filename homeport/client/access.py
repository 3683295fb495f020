"""Where an API is, what opens it, and by which CA it is known."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from homeport.client.channels import CONNECT
from homeport.errors import InvalidConfiguration

_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Access:
    """Made by `access`; ``tls`` is None for an API without TLS."""

    url: str
    key: str = field(repr=False)
    tls: ssl.SSLContext | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What every call presents."""
        return {"authorization": f"Bearer {self.key}", "user-agent": "homeport"}

    @property
    def socket_url(self) -> str:
        """Where the WebSocket of the key's channel is opened."""
        return self.url.replace("http", "ws", 1) + CONNECT


def access(url: str, key: str, *, ca: Path | str | None = None) -> Access:
    """Check where an API is said to be, and its key; raise InvalidConfiguration.

    ``ca`` is a PEM file; without it the system's own CAs are asked.
    """
    stripped = url.rstrip("/")
    if not key.isascii() or not key.isprintable() or not key.strip():
        raise InvalidConfiguration("the API key", "has characters that no key has")
    if _scheme(stripped) == "http":
        return Access(stripped, key)
    try:
        tls = ssl.create_default_context(cafile=ca)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidConfiguration(str(ca), f"has no CA: {reason}") from error
    return Access(stripped, key, tls)


def _scheme(url: str) -> str:
    """Return the scheme of an API's URL; raise InvalidConfiguration for any other."""
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.scheme not in _SCHEMES:
        raise InvalidConfiguration("the API's URL", "is not http[s]://<host>[:<port>]")
    return parts.scheme
