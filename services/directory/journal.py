"""Device events: what the directory remembers of each fact (R-36 .. R-38)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from homeport.events.facts import (
    AnyFact,
    BootstrapFailed,
    DeviceBootstrapped,
    FactName,
    QueueCleared,
    Registration,
    RegistrationRefused,
    RegistrationUpdated,
)
from homeport.names import AccountId, DeviceId
from services.directory import times
from services.directory.devices import Device, key_of
from services.directory.storable import storable

PREFIX = "update.device.device-"

TITLES: Mapping[FactName, str] = {
    FactName.DEVICE_BOOTSTRAPPING: "Device asked for bootstrap",
    FactName.DEVICE_BOOTSTRAPPED: "Device bootstrapped",
    FactName.BOOTSTRAP_FAILED: "Bootstrap of the device failed",
    FactName.DEVICE_REGISTERED: "Device registered",
    FactName.REGISTRATION_UPDATED: "Device changed its registration",
    FactName.DEVICE_DEREGISTERED: "Device ended its registration",
    FactName.REGISTRATION_EXPIRED: "Registration of the device expired",
    FactName.REGISTRATION_REFUSED: "Registration of the device was refused",
    FactName.QUEUE_CLEARED: "Waiting requests of the device were cleared",
}
"""What each fact is called in the log."""

_CATEGORIES: Mapping[FactName, str] = {
    FactName.DEVICE_BOOTSTRAPPING: "bootstrap",
    FactName.DEVICE_BOOTSTRAPPED: "bootstrap",
    FactName.BOOTSTRAP_FAILED: "bootstrap",
    FactName.QUEUE_CLEARED: "queue",
}
"""What a fact is about, where it is not the registration."""

_TOLD = (
    "endpoint_type",
    "bootstrap_expiration_date",
    "connector_expiration_date",
    "device_execution_mode",
    "device_key",
    "ca_id",
    "issuer_fingerprint",
)
"""The members of a device that are told as they are when they change."""


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One entry of the log; ``changes`` are changed fields with their new values."""

    id: str
    account_id: AccountId
    device_id: DeviceId
    revision: int
    date_time: datetime
    event_type: str
    description: str
    state_change: bool
    changes: Mapping[str, object]
    data: Mapping[str, object]


def event_type(fact: FactName) -> str:
    """Return the code of a fact: 'update.device.device-registered'."""
    return PREFIX + fact.removeprefix("device.").replace(".", "-")


def title(code: str) -> str:
    """Return what an event type means, in a few words."""
    fact = _FACTS.get(code)
    return TITLES[fact] if fact else code


def category(code: str) -> str:
    """Return what an event type is about: bootstrap, registration or queue."""
    fact = _FACTS.get(code)
    return _CATEGORIES.get(fact, "registration") if fact else ""


_FACTS = {event_type(fact): fact for fact in FactName}


def write(fact: AnyFact, before: Device | None, after: Device | None) -> DeviceEvent:
    """Write down a fact, and what it made of its device, if anything.

    The id is the fact's, in the form of all ids, so a fact that comes again is known.
    """
    account, device = key_of(fact)
    changes = _changes(before, after) | _announced(fact)
    return DeviceEvent(
        id=hashlib.blake2b(fact.id.encode(), digest_size=16).hexdigest(),
        account_id=account,
        device_id=device,
        revision=fact.revision,
        date_time=fact.time,
        event_type=event_type(fact.name),
        description=_description(fact),
        state_change="state" in changes,
        changes=changes,
        data={"endpoint_name": storable(fact.endpoint_name), **_data(fact)},
    )


def _changes(before: Device | None, after: Device | None) -> dict[str, object]:
    changes: dict[str, object] = {}
    if before is None or after is None:
        return changes
    if before.state is not after.state:
        changes["state"] = after.state.value
    for name in _TOLD:
        value = getattr(after, name)
        if value != getattr(before, name):
            changes[name] = value.isoformat() if isinstance(value, date) else value
    if (
        after.bootstrapped_timestamp
        and before.bootstrapped_timestamp != after.bootstrapped_timestamp
    ):
        changes["bootstrapped_timestamp"] = times.build(after.bootstrapped_timestamp)
    return changes


def _announced(fact: AnyFact) -> dict[str, object]:
    """Return what an update says of itself; of the structure, the paths."""
    if not isinstance(fact, RegistrationUpdated):
        return {}
    values: dict[str, object] = {
        "lifetime": fact.lifetime,
        "binding": storable(fact.binding),
        "queue_mode": fact.queue_mode,
        "endpoint_type": storable(fact.endpoint_type),
        "resources": [storable(resource.path) for resource in fact.resources],
    }
    return {name: value for name, value in values.items() if name in fact.changes}


def _description(fact: AnyFact) -> str:
    title = TITLES[fact.name]
    match fact:
        case BootstrapFailed():
            answer = fact.code or "no answer"
            return storable(f"{title} at {fact.step}: {answer}, {fact.reason}")
        case RegistrationRefused() | QueueCleared():
            return storable(f"{title}: {fact.reason}")
        case _:
            return title


def _data(fact: AnyFact) -> dict[str, object]:
    match fact:
        case Registration():
            return {
                "lifetime": fact.lifetime,
                "binding": storable(fact.binding),
                "queue_mode": fact.queue_mode,
                "lwm2m_version": storable(fact.lwm2m_version),
                "profile": fact.profile,
            }
        case DeviceBootstrapped():
            return {"means": storable(fact.means)}
        case BootstrapFailed():
            return {
                "step": storable(fact.step),
                "code": storable(fact.code),
                "reason": storable(fact.reason),
                "fingerprint": storable(fact.fingerprint),
            }
        case QueueCleared():
            return {"reason": storable(fact.reason), "requests": len(fact.requests)}
        case RegistrationRefused():
            return {
                "reason": storable(fact.reason),
                "fingerprint": storable(fact.fingerprint),
            }
        case _:
            return {}
