"""The settings of the expiry service."""

from pydantic import Field

from homeport.runtime.config import Settings


class ExpirySettings(Settings):
    """What the expiry service reads from the environment."""

    expiry_grace_seconds: float = Field(
        default=93,
        ge=0,
        description="Added to every lifetime: the span of a device's retransmissions.",
    )
    expiry_outage_grace_seconds: float = Field(
        default=120,
        ge=0,
        description=(
            "After an outage of the platform nothing expires for this long, or for a "
            "tenth of its lifetime if that is longer; 0 switches both off."
        ),
    )
    expiry_batch: int = Field(
        default=200,
        ge=1,
        le=10_000,
        description="Sessions that one script call may end; bounds its duration.",
    )
