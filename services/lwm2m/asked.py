"""What devices ask of the edge, on its way to becoming an operation."""

from dataclasses import dataclass

from homeport.coap.answer import Answer
from homeport.coap.codec import Message
from homeport.coap.transport import Origin
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol.profiles import Profile
from homeport.protocol.registration import UpdateRequest
from homeport.store.operations import (
    Deregister,
    Refresh,
    Refuse,
    Register,
    Update,
)
from homeport.store.reports import Locate, Notify, Report
from homeport.store.requests import Hear
from services.lwm2m.enrolling import Signer

Said = (
    Register | Refresh | Update | Deregister | Refuse | Report | Notify | Locate | Hear
)
"""What devices say, as operations."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What does not change between requests.

    ``account`` owns devices without security. ``replaces`` says that another credential
    of an account may take over the name of a device (B-096). In queue mode devices are
    ``awake_seconds`` long awake, unless their kind is known to be so otherwise. Without
    a ``signer`` no device is given another certificate.
    """

    account: AccountId
    buckets: int
    replaces: bool = False
    awake_seconds: float = 93.0
    signer: Signer | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """A request that its sender's credential does not cover, on the record (B-067)."""

    operation: Refuse
    answer: Answer
    profile: Profile


@dataclass(frozen=True, slots=True)
class Delta:
    """An update that needs to see the session before it can be an operation.

    It was heard at ``now``, in milliseconds since 1970.
    """

    update: Update
    asked: UpdateRequest
    now: int = 0


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, what kind of device, in which exchange, by which record (`Origin`).

    It is heard at ``now``, in milliseconds since 1970.
    """

    origin: Origin
    profile: Profile
    exchange: str
    mark: str
    now: int


@dataclass(frozen=True, slots=True)
class Registering:
    """A Register of a device whose account may know better what kind that is."""

    account: AccountId
    endpoint_name: EndpointName
    device: DeviceId
    message: Message
    asker: Asker
    scene: Scene
