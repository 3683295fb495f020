"""What ``homeport up`` starts, in which order, and what each process is told."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

from homeport.errors import InvalidConfiguration
from homeport.runtime import addresses
from homeport.runtime.config import PREFIX
from homeport.runtime.platform.identity import Identity

MOST_REPLICAS = 64


class Ports(StrEnum):
    """Which ports are opened to the outside."""

    AUTO = "auto"
    WELL_KNOWN = "well-known"


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator asked for; ``data`` is the folder that holds everything."""

    data: Path
    host: str = "127.0.0.1"
    ports: Ports = Ports.WELL_KNOWN
    nosec: bool = False
    https: bool = False
    devices: int = 0
    scale: Mapping[str, int] = field(default_factory=dict)
    ready_file: Path | None = None
    redis_url: str | None = None
    nats_url: str | None = None
    postgres_url: str | None = None
    account_id: str | None = None
    api_key: str | None = None
    secret_key: str | None = None
    platform_api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """A port that devices or applications reach, and the setting that holds it.

    ``only`` names the option that it is opened with, if it is not always.
    """

    setting: str
    number: int
    kind: socket.SocketKind
    only: Literal["nosec", "https"] | None = None

    def is_opened(self, *, nosec: bool, https: bool) -> bool:
        """Say whether it is opened with these options."""
        match self.only:
            case "nosec":
                return nosec
            case "https":
                return https
            case None:
                return True


@dataclass(frozen=True, slots=True)
class Part:
    """One service: ``after`` names those whose addresses or tables it needs.

    ``ports`` are by the scheme under which the process announces them, so that every
    later replica and every restart opens the same. ``told`` are the settings in which
    the parts after it hear such an address.
    """

    name: str
    after: tuple[str, ...] = ()
    ports: Mapping[str, Port] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    scales: bool = True


def _coap(name: str, plain: int, secured: int) -> Mapping[str, Port]:
    """Return the ports of an edge, by their schemes (RFC 8323 §8)."""
    begin, udp, tcp = f"{PREFIX}{name}", socket.SOCK_DGRAM, socket.SOCK_STREAM
    return {
        "coap": Port(f"{begin}_COAP_PORT", plain, udp, "nosec"),
        "coap+tcp": Port(f"{begin}_COAP_TCP_PORT", plain, tcp, "nosec"),
        "coaps": Port(f"{begin}_COAPS_PORT", secured, udp),
        "coaps+tcp": Port(f"{begin}_COAPS_TCP_PORT", secured, tcp),
    }


PARTS: tuple[Part, ...] = (
    Part("directory"),
    Part(
        "lwm2m",
        after=("directory",),
        ports=_coap("LWM2M", 5683, 5684),
        told={
            "coap": f"{PREFIX}LWM2M_PUBLIC_COAP",
            "coaps": f"{PREFIX}LWM2M_PUBLIC_COAPS",
        },
    ),
    Part(
        "bootstrap",
        after=("lwm2m",),
        ports=_coap("BOOTSTRAP", 5783, 5784),
        told={"coaps": f"{PREFIX}BOOTSTRAP_PUBLIC_COAPS"},
    ),
    Part("expiry"),
    Part("notifier"),
    Part(
        "api",
        after=("directory", "notifier", "bootstrap"),
        ports={
            "http": Port(f"{PREFIX}API_PORT", 8080, socket.SOCK_STREAM),
            "https": Port(f"{PREFIX}API_HTTPS_PORT", 8443, socket.SOCK_STREAM, "https"),
        },
        scales=False,
    ),
)
"""The directory makes the authority that the edges wait for, it and the notifier make
the tables that the API's routes read; the API says where devices bootstrap."""


def parse_scale(texts: Sequence[str]) -> dict[str, int]:
    """Parse ``NAME=N`` pairs; raise InvalidConfiguration naming the wrong one."""
    scalable = [part.name for part in PARTS if part.scales]
    scale = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in scalable:
            raise InvalidConfiguration(
                f"--scale {text}", f"names none of {', '.join(scalable)}"
            )
        if not number.isascii() or not number.isdigit():
            raise InvalidConfiguration(f"--scale {text}", "is not NAME=NUMBER")
        if not 1 <= int(number) <= MOST_REPLICAS:
            raise InvalidConfiguration(
                f"--scale {text}", f"is not between 1 and {MOST_REPLICAS}"
            )
        scale[name] = int(number)
    return scale


def environment(
    options: Options,
    identity: Identity,
    *,
    redis_url: str,
    nats_url: str,
    postgres_url: str,
    inherited: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Make what every process reads; other settings of ours go on to them as given."""
    return {
        **inherited,
        f"{PREFIX}REDIS_URL": redis_url,
        f"{PREFIX}NATS_URL": nats_url,
        f"{PREFIX}POSTGRES_URL": postgres_url,
        f"{PREFIX}DEFAULT_ACCOUNT_ID": identity.account_id,
        f"{PREFIX}DEFAULT_API_KEY": identity.api_key,
        f"{PREFIX}PLATFORM_API_KEY": identity.platform_api_key,
        f"{PREFIX}SECRET_KEY": identity.secret_key,
        f"{PREFIX}COAP_HOST": options.host,
        f"{PREFIX}API_HOST": options.host,
        f"{PREFIX}NOSEC": str(options.nosec).lower(),
        f"{PREFIX}PROBE_PORT": "0",
        **_webhooks(options, inherited),
        **{
            port.setting: str(number)
            for port, number in ports(options, inherited=inherited)
        },
        **_hoped(options, inherited),
    }


def given(settings: Mapping[str, str]) -> dict[str, str]:
    """Make what processes read of the servers that were started for them."""
    return {f"{PREFIX}{name}": text for name, text in settings.items()}


def ports(
    options: Options, *, inherited: Mapping[str, str] = os.environ
) -> list[tuple[Port, int]]:
    """Return the port numbers to open: free ones, those configured, or well-known."""
    chosen = []
    for part in PARTS:
        for port in part.ports.values():
            text = inherited.get(port.setting, str(port.number))
            if options.ports is Ports.AUTO:
                text = "0"
            if not text.isascii() or not text.isdigit():
                raise InvalidConfiguration(port.setting, f"is no port: {text}")
            chosen.append((port, int(text)))
    return chosen


def require_free_ports(
    options: Options, *, inherited: Mapping[str, str] = os.environ
) -> None:
    """Raise InvalidConfiguration naming the first port that somebody else has."""
    for port, number in ports(options, inherited=inherited):
        if port.is_opened(nosec=options.nosec, https=options.https):
            addresses.require_free(options.host, number, port.kind)


def pinned(part: Part, opened: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that open the same ports again."""
    return {
        port.setting: str(addresses.port_of(opened[scheme]))
        for scheme, port in part.ports.items()
        if scheme in opened
    }


def told(
    part: Part,
    opened: Mapping[str, str],
    *,
    inherited: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the settings in which the parts after this one hear of its addresses.

    What the operator says of an address counts more: devices may come through others.
    """
    return {
        setting: addresses.reachable(opened[scheme])
        for scheme, setting in part.told.items()
        if scheme in opened and setting not in inherited
    }


def _webhooks(options: Options, inherited: Mapping[str, str]) -> dict[str, str]:
    """Let a platform that only this machine reaches call webhooks on this machine."""
    setting = f"{PREFIX}WEBHOOK_NETWORKS"
    if setting in inherited or not addresses.is_loopback(options.host):
        return {}
    return {setting: addresses.LOOPBACK_NETWORKS}


def _hoped(options: Options, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return what `told` will say but for the port, where it is not known yet.

    The directory makes server certificates for these hosts before a server is there.
    """
    return {
        setting: addresses.reachable(
            addresses.url(scheme, options.host, part.ports[scheme].number)
        )
        for part in PARTS
        for scheme, setting in part.told.items()
        if setting not in inherited
    }
