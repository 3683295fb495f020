"""Devices, and how facts make them what they are.

A device keeps, for each kind of fact, the newest revision that told it. Its state is a
function of these alone (B-146 .. B-157), and so facts may come in any order and any
number of times: the device ends as the same.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from homeport.events.facts import (
    AnyFact,
    BootstrapFailed,
    DeviceBootstrapped,
    DeviceBootstrapping,
    DeviceDeregistered,
    DeviceRegistered,
    QueueCleared,
    RegistrationExpired,
    RegistrationRefused,
    RegistrationUpdated,
)
from homeport.names import ENDPOINT_NAME_LENGTH, PLATFORM_ACCOUNT, AccountId, DeviceId
from services.directory.storable import storable

ENDPOINT_TYPE_LENGTH = 64

Key = tuple[AccountId, DeviceId]
"""What a device is found by; the account stands first, as in the tables."""


class State(StrEnum):
    """The states of a device, as applications see them."""

    UNENROLLED = "unenrolled"
    CLOUD_ENROLLING = "cloud_enrolling"
    BOOTSTRAPPED = "bootstrapped"
    REGISTERED = "registered"
    DEREGISTERED = "deregistered"


@dataclass(frozen=True, slots=True)
class Device:
    """What is known of a device; a revision of 0 stands for never."""

    account_id: AccountId
    id: DeviceId
    endpoint_name: str
    created_at: datetime
    updated_at: datetime
    endpoint_type: str = ""
    bootstrapped_timestamp: datetime | None = None
    bootstrapping_revision: int = 0
    bootstrapped_revision: int = 0
    registered_revision: int = 0
    deregistered_revision: int = 0

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.account_id, self.id

    @property
    def state(self) -> State:
        """Where it stands; a registration that lives comes before everything else.

        A bootstrap that finished after a registration had ended counts, one that
        only began does not.
        """
        if self.registered_revision > self.deregistered_revision:
            return State.REGISTERED
        if self.bootstrapped_revision > self.deregistered_revision:
            return State.BOOTSTRAPPED
        if self.deregistered_revision:
            return State.DEREGISTERED
        if self.bootstrapping_revision:
            return State.CLOUD_ENROLLING
        return State.UNENROLLED


def tells(fact: AnyFact) -> bool:
    """Say whether a fact is worth a word: a mere refresh is not."""
    return not isinstance(fact, RegistrationUpdated) or bool(fact.changes)


def shapes(fact: AnyFact) -> bool:
    """Say whether a fact makes a device what it is, or only belongs to its history."""
    return (
        tells(fact)
        and fact.account_id != PLATFORM_ACCOUNT
        and not isinstance(fact, RegistrationRefused | QueueCleared)
    )


def key_of(fact: AnyFact) -> Key:
    """Return what the device of a fact is found by."""
    return AccountId(fact.account_id), DeviceId(fact.device_id)


def blank(fact: AnyFact) -> Device:
    """Make the device of its first fact, before that has told anything."""
    account, device = key_of(fact)
    name = storable(fact.endpoint_name)[:ENDPOINT_NAME_LENGTH]
    return Device(account, device, name, fact.time, fact.time)


def apply(device: Device, fact: AnyFact) -> Device:
    """Return a device as a fact makes it; one that it knows already changes nothing."""
    made = replace(
        device,
        created_at=min(device.created_at, fact.time),
        updated_at=max(device.updated_at, fact.time),
    )
    revision = fact.revision
    match fact:
        case DeviceBootstrapping() | BootstrapFailed():
            newest = max(device.bootstrapping_revision, revision)
            return replace(made, bootstrapping_revision=newest)
        case DeviceBootstrapped() if revision > device.bootstrapped_revision:
            return replace(
                made, bootstrapped_revision=revision, bootstrapped_timestamp=fact.time
            )
        case DeviceRegistered() | RegistrationUpdated() if (
            revision > device.registered_revision
        ):
            endpoint_type = storable(fact.endpoint_type)[:ENDPOINT_TYPE_LENGTH]
            return replace(
                made, registered_revision=revision, endpoint_type=endpoint_type
            )
        case DeviceDeregistered() | RegistrationExpired():
            newest = max(device.deregistered_revision, revision)
            return replace(made, deregistered_revision=newest)
        case _:
            return made
