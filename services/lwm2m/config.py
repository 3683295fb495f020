"""The settings of the lwm2m edge."""

from pydantic import Field

from homeport.runtime.config import EdgeSettings


class LwM2MSettings(EdgeSettings):
    """What the lwm2m edge reads from the environment."""

    lwm2m_coap_port: int = Field(
        default=5683, ge=0, le=65535, description="CoAP over UDP, where NoSec is on."
    )
    lwm2m_coaps_port: int = Field(
        default=5684, ge=0, le=65535, description="CoAP over DTLS."
    )
    lwm2m_coaps_tcp_port: int = Field(
        default=5684, ge=0, le=65535, description="CoAP over TLS."
    )
    lwm2m_coap_tcp_port: int = Field(
        default=5683, ge=0, le=65535, description="CoAP over TCP, where NoSec is on."
    )
    lwm2m_identity_may_change: bool = Field(
        default=False,
        description=(
            "Let another credential of the same account take over the name of a device."
        ),
    )
    lwm2m_batch: int = Field(
        default=256,
        ge=1,
        le=2048,
        description="Operations in one script call; bounds how long Redis is busy.",
    )
    lwm2m_backlog: int = Field(
        default=8192,
        ge=1,
        description="Requests that may wait; devices repeat those that are dropped.",
    )
    lwm2m_awake_seconds: float = Field(
        default=93,
        gt=0,
        description=(
            "How long a device in queue mode hears us after its last message, unless "
            "its kind is known to sleep earlier."
        ),
    )
