"""The settings of the notifier service."""

from pydantic import Field

from homeport.runtime.config import DatabaseSettings


class NotifierSettings(DatabaseSettings):
    """What the notifier service reads from the environment."""

    webhook_timeout_seconds: float = Field(
        default=20, gt=0, description="How long a webhook may take to answer."
    )
    webhook_patience_seconds: float = Field(
        default=24 * 3600,
        gt=0,
        description="A callback channel that has failed for this long is removed.",
    )
    channel_poll_seconds: float = Field(
        default=5,
        gt=0,
        description=(
            "How often a replica looks for channels that nobody serves; changes are "
            "announced besides."
        ),
    )
