"""Notification channels: where an API key's notifications go, and in which form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from homeport.errors import InvalidParameter
from homeport.names import AccountId
from services.notifier.channels import signatures

ADDRESS_LENGTH = 400
"""The URL and the headers of a callback together, in characters (R-110)."""

LARGEST_CHUNK = 10_000

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "expect", "te", "trailer", "transfer-encoding"}
    | {"upgrade"}
)
"""Headers that say how a message travels; they are not the caller's to set."""


@dataclass(frozen=True, slots=True)
class Serialization:
    """The form of a channel's messages (R-122 .. R-124).

    With ``include_values`` payloads are decoded besides, which is ours.
    """

    deregistrations_as_object: bool = False
    include_uid: bool = False
    include_timestamp: bool = False
    include_original_ep: bool = False
    include_values: bool = False
    max_chunk_size: int = LARGEST_CHUNK


class Kind(StrEnum):
    """How notifications are delivered, in the words of R-108."""

    CALLBACK = "CALLBACK"
    LONG_POLLING = "LONG_POLLING"
    WEB_SOCKET = "WEB_SOCKET"


@dataclass(frozen=True, slots=True)
class Callback:
    """A webhook, as the caller wants it to be called.

    Calls are signed with ``signing_secret`` unless it is ''.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    signing_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LongPoll:
    """Notifications wait to be asked for.

    ``receipt`` is the place up to which the last poll was given everything; '' when
    that is acknowledged.
    """

    receipt: str = ""


@dataclass(frozen=True, slots=True)
class WebSocket:
    """Notifications go to the newest socket; its id, or '' when it has closed."""

    socket: str = ""


Way = Callback | LongPoll | WebSocket

KINDS: Mapping[type[Way], Kind] = {
    Callback: Kind.CALLBACK,
    LongPoll: Kind.LONG_POLLING,
    WebSocket: Kind.WEB_SOCKET,
}


@dataclass(frozen=True, slots=True)
class Channel:
    """The channel of an API key.

    ``revision`` changes whenever the caller sets the channel again, and with every
    socket that takes it.
    """

    key_id: str
    account: AccountId
    way: Way
    serialization: Serialization
    revision: int
    created_at: datetime
    failing_since: datetime | None = None

    @property
    def kind(self) -> Kind:
        """How its notifications are delivered."""
        return KINDS[type(self.way)]


def check(callback: Callback) -> None:
    """Raise InvalidParameter when a callback breaks the rules of R-110."""
    _check_url(callback.url)
    signatures.check(callback.signing_secret)
    length = len(callback.url)
    for name, value in callback.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise InvalidParameter("headers", "hold something that is no HTTP header")
        if name.lower() in _OF_THE_CONNECTION:
            raise InvalidParameter("headers", f"must not set {name}")
        length += len(name) + len(value)
    if length > ADDRESS_LENGTH:
        raise InvalidParameter(
            "url and headers", f"have {length} characters, more than {ADDRESS_LENGTH}"
        )


def _check_url(url: str) -> None:
    if _CONTROL.search(url):
        raise InvalidParameter("url", "has a space or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidParameter("url", f"is none: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise InvalidParameter("url", "is neither http nor https")
    if not parts.hostname or port == 0:
        raise InvalidParameter("url", "names no server")
