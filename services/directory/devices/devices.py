"""Devices, and how facts make them what they are.

A device keeps, for each kind of fact, the newest revision that told it. Its state is a
function of these alone (B-146 .. B-157), and so facts may come in any order and any
number of times: the device ends as the same.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

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
DEVICE_KEY_LENGTH = 512
CA_ID_LENGTH = 500

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
    """What is known of a device; a revision of 0 stands for never.

    One that is not ``recorded`` is not there for callers: it was deleted, and facts up
    to ``deleted_revision`` do not bring it back. ``initial_state`` is where it stands
    before it has done anything, ``fingerprint`` that of the certificate it came with.

    ``developer`` is the fingerprint of the developer certificate that it bootstrapped
    with, or nothing. Credentials that we issued before ``credentials_not_before``,
    milliseconds since 1970, are not good any more (B-032).
    """

    account_id: AccountId
    id: DeviceId
    endpoint_name: str
    created_at: datetime
    updated_at: datetime
    endpoint_type: str = ""
    bootstrapped_timestamp: datetime | None = None
    bootstrap_expiration_date: date | None = None
    connector_expiration_date: date | None = None
    device_execution_mode: int = 0
    device_key: str = ""
    ca_id: str = ""
    issuer_fingerprint: str | None = None
    developer: str = ""
    credentials_not_before: int = 0
    bootstrapping_revision: int = 0
    bootstrapped_revision: int = 0
    registered_revision: int = 0
    deregistered_revision: int = 0
    initial_state: str = State.UNENROLLED.value
    recorded: bool = False
    deleted_revision: int = 0
    fingerprint: str = ""

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.account_id, self.id

    @property
    def trusted_for(self) -> tuple[bool, str, int]:
        """What the trust view says of it, and whether it says anything."""
        bootstrapped = self.bootstrapped_revision > 0
        return bootstrapped, self.developer, self.credentials_not_before

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
        return State(self.initial_state)


def tells(fact: AnyFact) -> bool:
    """Say whether a fact is worth a word: a mere refresh is not."""
    return not isinstance(fact, RegistrationUpdated) or bool(fact.changes)


def shapes(fact: AnyFact) -> bool:
    """Say whether a fact makes a device what it is, or only belongs to its history.

    A device that was refused need not be one (B-147); a bootstrap that failed later has
    begun before.
    """
    return (
        tells(fact)
        and fact.account_id != PLATFORM_ACCOUNT
        and not isinstance(fact, BootstrapFailed | RegistrationRefused | QueueCleared)
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
    """Return a device as a fact makes it; one that it knows already changes nothing.

    A device that was deleted is made anew by what it begins after that.
    """
    if _is_past(device, fact):
        return device
    known = device.recorded
    return replace(
        device,
        **_told(device, fact),
        recorded=True,
        created_at=min(device.created_at, fact.time) if known else fact.time,
        updated_at=max(device.updated_at, fact.time) if known else fact.time,
    )


def _told(device: Device, fact: AnyFact) -> dict[str, Any]:
    """Return what a fact tells of a device that did not know it."""
    revision = fact.revision
    match fact:
        case DeviceBootstrapping():
            newest = max(device.bootstrapping_revision, revision)
            return {"bootstrapping_revision": newest}
        case DeviceBootstrapped() if revision > device.bootstrapped_revision:
            return _bootstrapped(device, fact)
        case DeviceRegistered() | RegistrationUpdated():
            return _registered(device, fact)
        case DeviceDeregistered() | RegistrationExpired():
            newest = max(device.deregistered_revision, revision)
            return {"deregistered_revision": newest}
        case _:
            return {}


def _is_past(device: Device, fact: AnyFact) -> bool:
    """Say whether a fact is of the life that a device had before it was deleted."""
    if not device.deleted_revision:
        return False
    begins = isinstance(
        fact, DeviceBootstrapping | DeviceBootstrapped | DeviceRegistered
    )
    late = fact.revision > device.deleted_revision
    return not (late and (device.recorded or begins))


def _bootstrapped(device: Device, fact: DeviceBootstrapped) -> dict[str, Any]:
    """Take over what a bootstrap says; a developer device has no name but its id."""
    return {
        "endpoint_name": device.id if fact.developer else device.endpoint_name,
        "bootstrapped_revision": fact.revision,
        "bootstrapped_timestamp": fact.time,
        "bootstrap_expiration_date": _day(fact.bootstrap_expires_at),
        "connector_expiration_date": _day(fact.credential_expires_at),
        "device_execution_mode": fact.execution_mode,
        "device_key": storable(fact.device_key)[:DEVICE_KEY_LENGTH],
        "ca_id": storable(fact.ca_id)[:CA_ID_LENGTH],
        "issuer_fingerprint": storable(fact.issuer_fingerprint) or None,
        "developer": storable(fact.developer),
        "fingerprint": storable(fact.fingerprint),
    }


def _registered(
    device: Device, fact: DeviceRegistered | RegistrationUpdated
) -> dict[str, Any]:
    """Take over what a registration says; its credential ends all earlier ones."""
    told: dict[str, Any] = {}
    if isinstance(fact, DeviceRegistered):
        newest = max(device.credentials_not_before, fact.credential_issued)
        told["credentials_not_before"] = newest
    if fact.revision > device.registered_revision:
        endpoint_type = storable(fact.endpoint_type)[:ENDPOINT_TYPE_LENGTH]
        told |= {"registered_revision": fact.revision, "endpoint_type": endpoint_type}
    return told


def _day(time: datetime | None) -> date | None:
    return None if time is None else time.astimezone(UTC).date()
