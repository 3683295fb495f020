"""The settings of the bootstrap edge."""

import ipaddress
from urllib.parse import urlsplit

from pydantic import Field

from homeport.errors import InvalidConfiguration
from homeport.runtime import addresses
from homeport.runtime.config import PREFIX, EdgeSettings

_PUBLIC_COAP = f"{PREFIX}LWM2M_PUBLIC_COAP"


class BootstrapSettings(EdgeSettings):
    """What the bootstrap edge reads from the environment."""

    bootstrap_coap_port: int = Field(
        default=5783, ge=0, le=65535, description="CoAP over UDP, where NoSec is on."
    )
    lwm2m_public_coap: str = Field(
        default="coap://127.0.0.1:5683",
        description="Where devices reach the LwM2M server; handed to them.",
    )
    bootstrap_lifetime_seconds: int = Field(
        default=86_400,
        ge=1,
        lt=2**31,
        description="The registration lifetime handed to devices that have none.",
    )
    bootstrap_patience_seconds: float = Field(
        default=60,
        gt=0,
        description="A bootstrap that stands still so long has failed.",
    )
    bootstrap_sessions: int = Field(
        default=8192,
        ge=1,
        description="Bootstraps under way at once; more are asked to come back.",
    )


def server_uri(settings: BootstrapSettings) -> str:
    """Return the LwM2M server's URI, if a device could reach it (B-031).

    Raises InvalidConfiguration saying why it could not.
    """
    try:
        parts = urlsplit(settings.lwm2m_public_coap)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidConfiguration(_PUBLIC_COAP, f"is no URI: {error}") from error
    if parts.scheme != "coap":
        raise InvalidConfiguration(_PUBLIC_COAP, "has a scheme other than coap")
    if not host:
        raise InvalidConfiguration(_PUBLIC_COAP, "names no host")
    if not port:
        raise InvalidConfiguration(_PUBLIC_COAP, "names no port")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise InvalidConfiguration(_PUBLIC_COAP, "is more than scheme, host and port")
    if _is_unspecified(host):
        raise InvalidConfiguration(_PUBLIC_COAP, "names a host that nobody can reach")
    if _is_loopback(host) and not _is_loopback(settings.coap_host):
        raise InvalidConfiguration(
            _PUBLIC_COAP, "is on loopback, where devices from outside cannot reach it"
        )
    return addresses.url("coap", host, port)


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
