"""The settings of the directory service."""

from pydantic import Field

from homeport.runtime.config import DatabaseSettings


class DirectorySettings(DatabaseSettings):
    """What the directory service reads from the environment."""

    trust_poll_seconds: float = Field(
        default=5,
        gt=0,
        description=(
            "How often the trust view in Redis is compared with PostgreSQL; it is "
            "written again where it differs."
        ),
    )
