"""What becomes of a device's request on its way to a bootstrap."""

from dataclasses import dataclass

from homeport.coap.answer import Answer
from homeport.coap.transport import Origin
from homeport.identity import Identity, Means
from homeport.names import AccountId, DeviceId, EdgeId, EndpointName
from homeport.protocol.bootstrap_requests import BootstrapRequest
from homeport.protocol.configurations import DEFAULT, Configuration
from homeport.store.entries import DeviceEntry
from homeport.store.operations import Bootstrap, Refuse
from services.bootstrap import bodies
from services.bootstrap.issuing import Issuer, Recipient


@dataclass(frozen=True, slots=True)
class Scene:
    """What does not change between requests: whose devices come, and where they go.

    ``account`` owns devices without security. They are sent to the LwM2M server at
    ``coap``, all others to ``coaps``, and register for ``lifetime`` seconds if nothing
    else tells them for how long. ``edge`` is this replica.
    """

    account: AccountId
    buckets: int
    issuer: Issuer
    coap: str
    coaps: str
    lifetime: int
    edge: EdgeId


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to bootstrap; what the trust view says of ``device`` decides.

    ``endpoint_name`` is nothing for a developer's device, whose name is its id (B-056);
    whether ``device`` is that id depends (B-050).
    """

    request: BootstrapRequest
    origin: Origin
    exchange: str
    mark: str
    account: AccountId
    device: DeviceId
    endpoint_name: EndpointName | None


@dataclass(frozen=True, slots=True)
class Claiming:
    """A request to bootstrap whose account an ownership claim decides (B-035)."""

    request: BootstrapRequest
    origin: Origin
    exchange: str
    mark: str
    endpoint_name: EndpointName


@dataclass(frozen=True, slots=True)
class Enroll:
    """A request for a certificate, by a device that has made its key (EST-2)."""

    document: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """A bootstrap that may begin; ``iep`` is the id that the device claims (B-059).

    ``configuration`` is what its account wants it to be given besides.
    """

    operation: Bootstrap
    recipient: Recipient
    identity: Identity
    iep: DeviceId | None
    content_format: int
    packed: bool = False
    configuration: Configuration = DEFAULT

    @property
    def introduction(self) -> DeviceEntry | None:
        """What edges have to know before this device comes to them (B-020).

        A PSK that we issue names only the device, and the id that a developer's device
        claims is believed only if it is known (B-050).
        """
        if self.identity.means not in (Means.SHARED_KEY, Means.DEVELOPER):
            return None
        return DeviceEntry(
            self.recipient.device,
            self.recipient.account,
            developer=bodies.developer(self.identity),
        )


@dataclass(frozen=True, slots=True)
class Denial:
    """A request that its sender's credential does not cover, on the record (B-067)."""

    operation: Refuse
    answer: Answer


Request = Asked | Claiming | Attempt | Denial
"""What is on its way to the store."""
