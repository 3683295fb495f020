"""The settings of the directory service."""

from collections.abc import Mapping, Sequence

from pydantic import Field

from homeport.identity import Service
from homeport.runtime.config import DatabaseSettings, SecuritySettings
from services.directory.authorities import hosts_of


class DirectorySettings(DatabaseSettings, SecuritySettings):
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


def hosts(settings: SecuritySettings) -> Mapping[Service, Sequence[str]]:
    """Return the names that the two servers are reached by."""
    return {service: hosts_of(url) for service, url in addresses(settings).items()}
