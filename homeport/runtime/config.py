"""Configuration: read once from the environment, frozen, one class per service.

Every setting is an environment variable ``HOMEPORT_<NAME>``; its description here is
what the reference page says. Units stand in the names.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from homeport import names
from homeport.errors import InvalidConfiguration, InvalidName
from homeport.names import AccountId

PREFIX = "HOMEPORT_"


def _account_id(text: str) -> AccountId:
    try:
        return names.parse_account_id(text)
    except InvalidName as error:
        raise ValueError(str(error)) from error


ConfiguredAccountId = Annotated[AccountId, AfterValidator(_account_id)]


class Settings(BaseSettings):
    """What every service reads."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", validate_default=True
    )

    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        description="Redis or Valkey, standalone or a cluster's node.",
    )
    nats_url: str = Field(
        default="nats://127.0.0.1:4222", description="NATS 2.12 or newer, JetStream on."
    )
    buckets: int = Field(
        default=64,
        ge=1,
        le=16384,
        description="Shares of the registration store; fixed at installation.",
    )
    probe_host: str = Field(
        default="127.0.0.1", description="Where /metrics, /livez and /readyz listen."
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

    @classmethod
    def load(cls) -> Self:
        """Read the environment; raise InvalidConfiguration naming the first fault."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            setting = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
            raise InvalidConfiguration(setting, f"is wrong: {first['msg']}") from error


class DatabaseSettings(Settings):
    """What the services with a PostgreSQL schema read besides."""

    postgres_url: SecretStr = Field(
        default=SecretStr("postgresql://homeport@127.0.0.1:5432/homeport"),
        description="PostgreSQL 15 or newer.",
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


class EdgeSettings(Settings):
    """What the two CoAP edges read besides."""

    coap_host: str = Field(
        default="127.0.0.1", description="The address that devices reach."
    )
    nosec: bool = Field(
        default=False, description="Open the plain CoAP port, without any security."
    )
