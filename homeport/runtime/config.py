"""Configuration: read once from the environment, frozen, one class per service.

Every setting is an environment variable ``HOMEPORT_<NAME>``; its description here is
what the reference page says. Units stand in the names.
"""

from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from homeport import names
from homeport.errors import InvalidConfiguration, InvalidName
from homeport.events.streams import StreamLimits
from homeport.keyring import Keyring
from homeport.names import AccountId
from homeport.runtime import addresses

PREFIX = "HOMEPORT_"


def _account_id(text: str) -> AccountId:
    try:
        return names.parse_account_id(text)
    except InvalidName as error:
        raise ValueError(str(error)) from error


def _secret(text: SecretStr) -> SecretStr:
    Keyring.parse(text.get_secret_value())
    return text


def _public(text: str) -> str:
    """Check the address of a secured port; a host and a port are all there is."""
    parts = urlsplit(text)
    if parts.scheme != "coaps" or not parts.hostname or parts.port is None:
        raise ValueError("is not coaps://<host>:<port>")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("is more than scheme, host and port")
    return addresses.url(parts.scheme, parts.hostname, parts.port)


def _leads_to(url: str, *schemes: str) -> None:
    """Check a server's URL; nothing of it is repeated, for it may hold a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(
            "is no URL; special characters of a password are written as %XX"
        ) from None
    if parts.scheme not in schemes:
        known = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"does not begin with {known}")


def _redis(url: str) -> str:
    _leads_to(url, "redis", "rediss", "unix")
    return url


def _nats(urls: str) -> str:
    for url in urls.split(","):
        _leads_to(url, "nats", "tls", "ws", "wss")
    return urls


def _postgres(url: SecretStr) -> SecretStr:
    _leads_to(url.get_secret_value(), "postgresql", "postgres")
    return url


ConfiguredAccountId = Annotated[AccountId, AfterValidator(_account_id)]
ConfiguredSecret = Annotated[SecretStr, AfterValidator(_secret)]
PublicCoaps = Annotated[str, AfterValidator(_public)]


class Settings(BaseSettings):
    """What every service reads."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", validate_default=True
    )

    redis_url: Annotated[str, AfterValidator(_redis)] = Field(
        default="redis://127.0.0.1:6379/0",
        description="Redis or Valkey, standalone or a cluster's node.",
    )
    nats_url: Annotated[str, AfterValidator(_nats)] = Field(
        default="nats://127.0.0.1:4222",
        description=(
            "NATS 2.12 or newer, JetStream on; of a cluster several, with commas."
        ),
    )
    stream_replicas: int = Field(
        default=1,
        ge=1,
        le=5,
        description="Copies of the event stream; 3 on a NATS cluster of three servers.",
    )
    stream_seconds: float = Field(
        default=24 * 3600,
        gt=0,
        description="How long the event stream keeps events, delivered or not.",
    )
    stream_bytes: int = Field(
        default=10 * 2**30,
        ge=2**20,
        description="How much it keeps; above that the oldest events go.",
    )
    traces_url: str | None = Field(
        default=None,
        pattern="^https?://",
        description="Where OpenTelemetry traces go (OTLP over HTTP); nothing for none.",
    )
    traces_ratio: float = Field(
        default=0.01, ge=0, le=1, description="The share of events that are traced."
    )
    buckets: int = Field(
        default=64,
        ge=1,
        le=16384,
        description="Shares of the registration store; fixed at installation.",
    )
    probe_host: str = Field(
        default="127.0.0.1",
        description="Where /metrics, /livez, /readyz and /drain listen.",
    )
    probe_port: int = Field(
        default=0, ge=0, le=65535, description="Their port; 0 takes a free one."
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="debug, info, warning or error.",
    )
    default_account_id: ConfiguredAccountId | None = Field(
        default=None, description="The account of devices that name none."
    )
    default_api_key: SecretStr | None = Field(
        default=None, description="The first API key of the default account."
    )

    @property
    def stream(self) -> StreamLimits:
        """What the event stream may hold; every service says the same."""
        return StreamLimits(
            max_age_seconds=self.stream_seconds,
            max_bytes=self.stream_bytes,
            replicas=self.stream_replicas,
        )

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the environment; raise InvalidConfiguration naming the first fault.

        What is ``given`` comes before it.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            setting = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
            if first["type"] == "missing":
                raise InvalidConfiguration(setting, "is needed") from error
            said = first["msg"].removeprefix("Value error, ")
            raise InvalidConfiguration(setting, f"is wrong: {said}") from error


class DatabaseSettings(Settings):
    """What the services with a PostgreSQL schema read besides."""

    postgres_url: Annotated[SecretStr, AfterValidator(_postgres)] = Field(
        default=SecretStr("postgresql://homeport@127.0.0.1:5432/homeport"),
        description="PostgreSQL 15 or newer.",
    )
    postgres_migrate: bool = Field(
        default=True,
        description=(
            "Bring the service's schema up to date at the start; where it is off, "
            "`homeport migrate` has to."
        ),
    )
    http_host: str = Field(
        default="127.0.0.1", description="Where this service's REST routes listen."
    )
    http_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Their port; nothing where another process serves them.",
    )
    http_requests_per_second: float = Field(
        default=1_000,
        gt=0,
        description=(
            "How many calls an API key may make to each process; more are answered "
            "with 429."
        ),
    )


class SealingSettings(Settings):
    """What the services read that keep something sealed."""

    secret_key: ConfiguredSecret = Field(
        description=(
            "Seals what is stored and derives keys: 64 hex characters, the same for "
            "every replica. To rotate it, put a new one before the old, with a comma."
        ),
    )

    @property
    def keyring(self) -> Keyring:
        """The installation's secret, ready for use."""
        return Keyring.parse(self.secret_key.get_secret_value())


class SecuritySettings(SealingSettings):
    """What the services read that deal in credentials."""

    bootstrap_public_coaps: PublicCoaps = Field(
        default="coaps://127.0.0.1:5784",
        description="Where devices reach the bootstrap server over DTLS or TLS.",
    )
    lwm2m_public_coaps: PublicCoaps = Field(
        default="coaps://127.0.0.1:5684",
        description="Where devices reach the LwM2M server over DTLS or TLS.",
    )


class HandoverSettings(Settings):
    """What is told to devices at bootstrap, and tried out without them."""

    lwm2m_public_coap: str = Field(
        default="coap://127.0.0.1:5683",
        description="Where devices without security reach the LwM2M server.",
    )
    bootstrap_enrollment: bool = Field(
        default=False,
        description=(
            "Let Izuma devices make their own keys and enroll by EST; those that can "
            "not are handed a certificate."
        ),
    )
    bootstrap_lifetime_seconds: int = Field(
        default=86_400,
        ge=1,
        lt=2**31,
        description="The registration lifetime handed to devices that have none.",
    )


class EdgeSettings(SecuritySettings):
    """What the two CoAP edges read besides."""

    coap_host: str = Field(
        default="127.0.0.1", description="The address that devices reach."
    )
    nosec: bool = Field(
        default=False, description="Open the plain CoAP port, without any security."
    )
    credential_days: float = Field(
        default=365,
        gt=0,
        le=7300,
        description="How long credentials that bootstrap hands out are good.",
    )
    direct_registration: bool = Field(
        default=True,
        description="Let devices register with credentials from their factory.",
    )
    server_certificates_folder: Path | None = Field(
        default=None,
        description=(
            "A folder of further certificates of the servers, each NAME.crt with "
            "NAME.key in PEM: who asks for a host of one (SNI) is shown that one."
        ),
    )
    half_open_handshakes: int = Field(
        default=2048,
        ge=1,
        description="DTLS handshakes under way, 50 kB each; more hellos are dropped.",
    )
    half_open_handshakes_per_host: int = Field(
        default=1024, ge=1, description="Of these, how many from one address."
    )
    handshake_seconds: float = Field(
        default=30, gt=0, description="A handshake that takes longer is given up."
    )
    associations_in_memory: int = Field(
        default=100_000,
        ge=1,
        description="DTLS associations that an edge keeps; Redis has all of them.",
    )
    association_idle_seconds: float = Field(
        default=300,
        gt=0,
        description="One that is not heard for so long is left to Redis alone.",
    )
    association_seconds: int = Field(
        default=30 * 86_400,
        ge=60,
        le=30 * 86_400,
        description="After so long without a sign of life Redis forgets it, too.",
    )
    resumption_seconds: int = Field(
        default=86_400,
        ge=1,
        description="How long after its handshake a TLS session can be resumed.",
    )
