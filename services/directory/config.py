"""The settings of the directory service."""

from collections.abc import Mapping, Sequence

from pydantic import Field, SecretStr

from homeport.identity import Service
from homeport.runtime.config import (
    DatabaseSettings,
    HandoverSettings,
    SecuritySettings,
)
from services.directory.bootstrap.bootstrap_dry_runs import Handovers
from services.directory.credentials.authorities import hosts_of


class DirectorySettings(DatabaseSettings, SecuritySettings, HandoverSettings):
    """What the directory service reads from the environment."""

    trust_poll_seconds: float = Field(
        default=5,
        gt=0,
        description=(
            "How often the trust view in Redis is compared with PostgreSQL; it is "
            "written again where it differs."
        ),
    )
    enrollment_days: float = Field(
        default=365,
        gt=0,
        description="How long an ownership claim waits for its device.",
    )
    platform_api_key: SecretStr | None = Field(
        default=None,
        description=(
            "An API key of the platform's operator: it makes and changes accounts, "
            "and sees devices that are nobody's."
        ),
    )
    device_event_days: float = Field(
        default=90,
        gt=0,
        description=(
            "How long device events are kept; they go a whole week at once, when the "
            "last of it is that old. As long are renewals that are over."
        ),
    )
    history_poll_seconds: float = Field(
        default=60,
        gt=0,
        description=(
            "How often a replica looks for device events that are too old, and for "
            "devices of developers that have begun a bootstrap and never ended it."
        ),
    )
    renewal_sweep_seconds: float = Field(
        default=10,
        gt=0,
        description=(
            "How often certificate renewals are looked for that nothing holds any "
            "more; at the third look one is ended."
        ),
    )
    task_poll_seconds: float = Field(
        default=1,
        gt=0,
        description="How often a replica without work looks for bulk uploads.",
    )


def addresses(settings: SecuritySettings) -> Mapping[Service, str]:
    """Return where devices reach the two servers."""
    return {
        Service.BOOTSTRAP: settings.bootstrap_public_coaps,
        Service.LWM2M: settings.lwm2m_public_coaps,
    }


def handovers(settings: DirectorySettings) -> Handovers:
    """Return what bootstrap tells devices."""
    return Handovers(
        addresses(settings),
        settings.lwm2m_public_coap,
        settings.bootstrap_lifetime_seconds,
        settings.bootstrap_enrollment,
    )


def hosts(settings: SecuritySettings) -> Mapping[Service, Sequence[str]]:
    """Return the names that the two servers are reached by."""
    return {service: hosts_of(url) for service, url in addresses(settings).items()}
