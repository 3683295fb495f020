"""Every error that Homeport raises on purpose.

    HomeportError
    ├── InvalidInput            somebody outside sent something wrong
    │   ├── InvalidName         a name that breaks its rules
    │   ├── InvalidMessage      bytes that are no CoAP message
    │   ├── InvalidHandshake    bytes that are no part of a DTLS or TLS handshake
    │   ├── InvalidFormat       a payload that is not what it claims to be
    │   ├── InvalidParameter    a request parameter out of its bounds
    │   ├── InvalidValue        a value that its type or its format cannot carry
    │   ├── NotAllowed          a request that its sender's credential does not cover
    │   ├── UnsupportedFormat   a content format that is not taken here
    │   └── UnsupportedVersion  a version of LwM2M that we do not speak
    ├── InvalidConfiguration    the operator's settings contradict each other
    └── Unavailable             a server we need does not answer

Errors carry values and write their own sentence. At each border a table turns them
into a CoAP code, an HTTP problem or an acknowledgement decision.
"""


class HomeportError(Exception):
    """The root of the tree."""


class InvalidInput(HomeportError):
    """Somebody outside sent something wrong; the sentence says what."""


class InvalidName(InvalidInput):
    """A name breaks its rules."""

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        self.reason = reason
        super().__init__(f"{kind} {reason}")


class InvalidMessage(InvalidInput):
    """Bytes are no CoAP message (RFC 7252 §3)."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class InvalidHandshake(InvalidInput):
    """Bytes are no part of a DTLS or TLS handshake (RFC 6347 §4.2, RFC 5246 §7.4)."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class InvalidFormat(InvalidInput):
    """A payload is not what its content format claims."""

    def __init__(self, format_name: str, reason: str, *, position: int = 0) -> None:
        self.format_name = format_name
        self.reason = reason
        self.position = position
        super().__init__(f"{format_name}: {reason} at {position}")


class InvalidParameter(InvalidInput):
    """A request parameter is out of its bounds."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name} {reason}")


class InvalidValue(InvalidInput):
    """A value is not of its type, or a content format has no way to say it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class NotAllowed(InvalidInput):
    """A request is not covered by what its sender has proved."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class UnsupportedFormat(InvalidInput):
    """A payload's content format is not taken here, whatever its bytes are."""

    def __init__(self, content_format: int) -> None:
        self.content_format = content_format
        super().__init__(f"content format {content_format} is not taken here")


class UnsupportedVersion(InvalidInput):
    """A device speaks a version of LwM2M that we do not."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(f"LwM2M version {version!a} is not supported")


class InvalidConfiguration(HomeportError):
    """The operator's settings contradict each other or cannot work."""

    def __init__(self, setting: str, reason: str) -> None:
        self.setting = setting
        self.reason = reason
        super().__init__(f"{setting} {reason}")


class Unavailable(HomeportError):
    """A server that we need does not answer."""

    def __init__(self, server: str, reason: str) -> None:
        self.server = server
        self.reason = reason
        super().__init__(f"{server} is unavailable: {reason}")
