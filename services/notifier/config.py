"""The settings of the notifier service."""

import ssl
from pathlib import Path
from typing import Annotated

import httpx
from pydantic import AfterValidator, Field, SecretStr

from homeport.errors import InvalidConfiguration, InvalidFormat, InvalidParameter
from homeport.pki import nkeys
from homeport.runtime.config import PREFIX, DatabaseSettings, SealingSettings
from services.notifier.channels import networks
from services.notifier.channels.networks import Network


def _networks(text: str) -> str:
    try:
        networks.parse(text)
    except InvalidParameter as error:
        raise ValueError(error.reason) from error
    return text


def _seed(text: SecretStr) -> SecretStr:
    try:
        nkeys.parse_seed(text.get_secret_value())
    except InvalidFormat as error:
        raise ValueError(str(error)) from error
    return text


class NotifierSettings(DatabaseSettings, SealingSettings):
    """What the notifier service reads from the environment."""

    webhook_timeout_seconds: float = Field(
        default=20, gt=0, description="How long a webhook may take to answer."
    )
    webhook_patience_seconds: float = Field(
        default=24 * 3600,
        gt=0,
        description="A callback channel that has failed for this long is removed.",
    )
    webhook_networks: Annotated[str, AfterValidator(_networks)] = Field(
        default="",
        description=(
            "Networks that webhooks may be in besides the public ones, with commas: "
            "`10.1.0.0/16,::1/128`. Loopback, link-local and private ones are refused "
            "otherwise, also after DNS."
        ),
    )
    webhook_ca_file: Path | None = Field(
        default=None,
        description="PEM of CAs that webhooks are verified with besides public ones.",
    )
    pull_seconds: float = Field(
        default=30, gt=0, description="How long a long poll waits for notifications."
    )
    pull_idle_seconds: float = Field(
        default=600,
        gt=0,
        description="A long poll channel that nobody has polled for so long ends.",
    )
    socket_ping_seconds: float = Field(
        default=20,
        gt=0,
        description=(
            "How often an idle WebSocket is pinged, and how long its client may take "
            "to answer or to read a message. The same holds for event streams."
        ),
    )
    socket_idle_seconds: float = Field(
        default=48 * 3600,
        gt=0,
        description="A WebSocket channel that has had no socket for so long ends.",
    )
    channel_poll_seconds: float = Field(
        default=5,
        gt=0,
        description=(
            "How often a replica looks for channels that nobody serves; changes are "
            "announced besides."
        ),
    )

    consumers_per_account: int = Field(
        default=1_000, ge=1, description="Named consumers that an account may have."
    )
    nats_users_per_account: int = Field(
        default=20,
        ge=1,
        description="Users that may read from NATS itself, of an account.",
    )
    nats_issuer_seed: Annotated[SecretStr, AfterValidator(_seed)] | None = Field(
        default=None,
        description=(
            "The seed of the NATS account key that NATS is configured to ask for "
            "(auth callout), or 64 hex characters; without it nobody may read from "
            "NATS itself."
        ),
    )
    nats_public_url: str | None = Field(
        default=None,
        pattern="^(nats|tls|ws|wss)://",
        description=(
            "Where applications reach NATS; nothing for where the services do."
        ),
    )
    cursor_sweep_seconds: float = Field(
        default=60,
        gt=0,
        description=(
            "How often channels and consumers are looked at for which nobody reads: "
            "what waits for them is counted, and what left the stream."
        ),
    )
    request_sweep_seconds: float = Field(
        default=30,
        gt=0,
        description=(
            "How often open device requests are looked at; one that nothing holds any "
            "more, because Redis was lost, is ended at the third look."
        ),
    )
    key_sweep_seconds: float = Field(
        default=60,
        gt=0,
        description=(
            "How often channels are looked at whose API key may be gone; it has to be "
            "gone at two looks. What is deleted while a notifier runs is heard at once."
        ),
    )

    @property
    def networks(self) -> tuple[Network, ...]:
        """Where webhooks may be besides the Internet."""
        return networks.parse(self.webhook_networks)

    @property
    def webhook_trust(self) -> ssl.SSLContext:
        """What webhooks are verified with; raise InvalidConfiguration."""
        context = httpx.create_ssl_context(trust_env=False)
        if self.webhook_ca_file is not None:
            try:
                context.load_verify_locations(self.webhook_ca_file)
            except OSError as error:
                raise InvalidConfiguration(
                    f"{PREFIX}WEBHOOK_CA_FILE",
                    f"is wrong: {self.webhook_ca_file} holds no certificates: "
                    f"{error.strerror or error}",
                ) from error
        return context
