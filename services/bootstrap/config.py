"""The settings of the bootstrap edge."""

import ipaddress
from urllib.parse import urlsplit

from pydantic import Field

from homeport.errors import InvalidConfiguration
from homeport.runtime import addresses
from homeport.runtime.config import PREFIX, EdgeSettings, HandoverSettings

_PUBLIC_COAP = f"{PREFIX}LWM2M_PUBLIC_COAP"
_PUBLIC_COAPS = f"{PREFIX}LWM2M_PUBLIC_COAPS"


class BootstrapSettings(EdgeSettings, HandoverSettings):
    """What the bootstrap edge reads from the environment."""

    bootstrap_coap_port: int = Field(
        default=5783, ge=0, le=65535, description="CoAP over UDP, where NoSec is on."
    )
    bootstrap_coaps_port: int = Field(
        default=5784, ge=0, le=65535, description="CoAP over DTLS."
    )
    bootstrap_coaps_tcp_port: int = Field(
        default=5784, ge=0, le=65535, description="CoAP over TLS."
    )
    bootstrap_coap_tcp_port: int = Field(
        default=5783, ge=0, le=65535, description="CoAP over TCP, where NoSec is on."
    )
    bootstrap_patience_seconds: float = Field(
        default=60,
        gt=0,
        description="A bootstrap that stands still so long has failed.",
    )
    bootstrap_enrollment_patience_seconds: float = Field(
        default=120,
        gt=0,
        description="So long may a device take to make its key and enroll.",
    )
    bootstrap_sessions: int = Field(
        default=8192,
        ge=1,
        description="Bootstraps under way at once; more are asked to come back.",
    )


def server_uri(settings: BootstrapSettings) -> str:
    """Return the LwM2M server's plain URI, if a device could reach it (B-031).

    Raises InvalidConfiguration saying why it could not.
    """
    return _reachable(
        _PUBLIC_COAP,
        settings.lwm2m_public_coap,
        scheme="coap",
        listening=settings.coap_host,
    )


def secured_server_uri(settings: BootstrapSettings) -> str:
    """Return the LwM2M server's secured URI, in the same way."""
    return _reachable(
        _PUBLIC_COAPS,
        settings.lwm2m_public_coaps,
        scheme="coaps",
        listening=settings.coap_host,
    )


def _reachable(setting: str, uri: str, *, scheme: str, listening: str) -> str:
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidConfiguration(setting, f"is no URI: {error}") from error
    if parts.scheme != scheme:
        raise InvalidConfiguration(setting, f"has a scheme other than {scheme}")
    if not host:
        raise InvalidConfiguration(setting, "names no host")
    if not port:
        raise InvalidConfiguration(setting, "names no port")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise InvalidConfiguration(setting, "is more than scheme, host and port")
    if _is_unspecified(host):
        raise InvalidConfiguration(setting, "names a host that nobody can reach")
    if _is_loopback(host) and not _is_loopback(listening):
        raise InvalidConfiguration(
            setting, "is on loopback, where devices from outside cannot reach it"
        )
    return addresses.url(scheme, host, port)


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
