"""Device events: what the directory remembers of each fact (R-36 .. R-38)."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from homeport.events.facts import (
    AnyFact,
    BootstrapFailed,
    DeviceBootstrapped,
    DeviceRegistered,
    FactName,
    QueueCleared,
    Registration,
    RegistrationRefused,
    RegistrationUpdated,
)
from homeport.names import AccountId, DeviceId
from services.directory import times
from services.directory.devices.devices import Device, key_of
from services.directory.storable import storable

PREFIX = "update.device.device-"

TITLES: Mapping[FactName, str] = {
    FactName.DEVICE_BOOTSTRAPPING: "Device asked for bootstrap",
    FactName.DEVICE_BOOTSTRAPPED: "Device bootstrapped",
    FactName.BOOTSTRAP_FAILED: "Bootstrap of the device failed",
    FactName.DEVICE_REGISTERED: "Device registered",
    FactName.REGISTRATION_UPDATED: "Device changed its registration",
    FactName.DEVICE_DEREGISTERED: "Registration of the device ended",
    FactName.REGISTRATION_EXPIRED: "Registration of the device expired",
    FactName.REGISTRATION_REFUSED: "Registration of the device was refused",
    FactName.QUEUE_CLEARED: "Waiting requests of the device were cleared",
}
"""What each fact is called in the log."""


class Deed(StrEnum):
    """What happens to the record of a device, and not to the device."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    ADDED_TO_GROUP = "added-to-group"
    REMOVED_FROM_GROUP = "removed-from-group"


DEED_TITLES: Mapping[Deed, str] = {
    Deed.CREATED: "Device record created",
    Deed.UPDATED: "Device record updated",
    Deed.DELETED: "Device record deleted",
    Deed.SUSPENDED: "Device suspended",
    Deed.RESUMED: "Device resumed",
    Deed.ADDED_TO_GROUP: "Device added to a group",
    Deed.REMOVED_FROM_GROUP: "Device removed from a group",
}
"""What each deed is called in the log (R-38)."""

_CATEGORIES: Mapping[FactName, str] = {
    FactName.DEVICE_BOOTSTRAPPING: "bootstrap",
    FactName.DEVICE_BOOTSTRAPPED: "bootstrap",
    FactName.BOOTSTRAP_FAILED: "bootstrap",
    FactName.QUEUE_CLEARED: "queue",
}
"""What a fact is about, where it is not the registration."""

_CONFLICT = "another one with the same credential was just heard from"

_TOLD = (
    "state",
    "endpoint_type",
    "bootstrapped_timestamp",
    "bootstrap_expiration_date",
    "connector_expiration_date",
    "device_execution_mode",
    "device_key",
    "ca_id",
    "issuer_fingerprint",
)
"""The members of a device that are told as they are when they change."""


_UNTOLD = frozenset({"object", "id", "account_id", "created_at", "updated_at", "etag"})
"""The members of a device that a change of it is not told by."""


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One entry of the log.

    ``changes`` are changed fields with their new values; ``previous`` in ``data`` holds
    what they were.
    """

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
    if code in _DEEDS:
        return DEED_TITLES[_DEEDS[code]]
    return TITLES[_FACTS[code]] if code in _FACTS else code


def category(code: str) -> str:
    """Return what an event type is about: record, bootstrap, registration or queue."""
    if code in _DEEDS:
        return "record"
    return _CATEGORIES.get(_FACTS[code], "registration") if code in _FACTS else ""


def _code(deed: Deed) -> str:
    return PREFIX + deed


_FACTS = {event_type(fact): fact for fact in TITLES}
_DEEDS = {_code(deed): deed for deed in Deed}


def write(fact: AnyFact, before: Device | None, after: Device | None) -> DeviceEvent:
    """Write down a fact, and what it made of its device, if anything.

    The id is the fact's, in the form of all ids, so a fact that comes again is known.
    """
    account, device = key_of(fact)
    changes, previous = _changes(before, after)
    changes |= _announced(fact)
    return DeviceEvent(
        id=_identity(fact.time, fact.id),
        account_id=account,
        device_id=device,
        revision=fact.revision,
        date_time=fact.time,
        event_type=event_type(fact.name),
        description=_description(fact),
        state_change="state" in changes,
        changes=changes,
        data={
            "endpoint_name": storable(fact.endpoint_name),
            **_data(fact),
            **({"previous": previous} if previous else {}),
        },
    )


def created(fact: AnyFact, device: Device) -> DeviceEvent:
    """Write down that a fact has made the record of a device, just before it."""
    return DeviceEvent(
        id=_identity(fact.time, f"{fact.id}.{Deed.CREATED}"),
        account_id=device.account_id,
        device_id=device.id,
        revision=fact.revision - 1,
        date_time=fact.time,
        event_type=_code(Deed.CREATED),
        description=DEED_TITLES[Deed.CREATED],
        state_change=False,
        changes={},
        data={"endpoint_name": device.endpoint_name},
    )


def done(
    deed: Deed,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    now: datetime,
) -> DeviceEvent:
    """Write down what a caller did to a device, as it was and as it is shown."""
    changes = {
        name: value
        for name, value in after.items()
        if name not in _UNTOLD and value != before.get(name)
    }
    previous = {name: before[name] for name in changes if name in before}
    return DeviceEvent(
        id=_identity(now, uuid.uuid4().hex),
        account_id=AccountId(str(after["account_id"])),
        device_id=DeviceId(str(after["id"])),
        revision=int(now.timestamp() * 1e6),
        date_time=now,
        event_type=_code(deed),
        description=DEED_TITLES[deed],
        state_change="state" in changes,
        changes=changes,
        data={
            "endpoint_name": after["endpoint_name"],
            **({"previous": previous} if previous else {}),
        },
    )


def _identity(time: datetime, text: str) -> str:
    """Make an id: by time first, so that what is written together lies together."""
    digest = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
    return f"{int(time.timestamp() * 1000):012x}{digest}"


def _changes(
    before: Device | None, after: Device | None
) -> tuple[dict[str, object], dict[str, object]]:
    """Return what has changed: what it is now, and what it was if it was anything."""
    changes: dict[str, object] = {}
    previous: dict[str, object] = {}
    if before is None or after is None:
        return changes, previous
    for name in _TOLD:
        was, value = getattr(before, name), getattr(after, name)
        if value != was:
            changes[name] = _value(value)
            if before.recorded:
                previous[name] = _value(was)
    return changes, previous


def _value(value: object) -> object:
    match value:
        case datetime():
            return times.build(value)
        case date():
            return value.isoformat()
        case _:
            return value


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
        case DeviceRegistered(conflicts_with=other) if other:
            return storable(f"{title}: {_CONFLICT} {other}")
        case _:
            return title


def _conflicting(fact: Registration) -> dict[str, object]:
    """Say where another device with the same credential is, if there is (B-095)."""
    other = fact.conflicts_with if isinstance(fact, DeviceRegistered) else ""
    return {"conflicts_with": storable(other)} if other else {}


def _denied(fact: BootstrapFailed) -> dict[str, object]:
    """Name the CA that a device was refused for, in such events only (B-041)."""
    certificate = storable(fact.trusted_certificate_id)
    return {"trusted_certificate_id": certificate} if certificate else {}


def _read(fact: DeviceBootstrapped) -> dict[str, object]:
    """Tell what was read of a device, if anything was."""
    found = {
        storable(path): storable(value) if isinstance(value, str) else value
        for path, value in fact.read.items()
    }
    return {"read": found} if found else {}


def _data(fact: AnyFact) -> dict[str, object]:
    match fact:
        case Registration():
            return {
                "lifetime": fact.lifetime,
                "binding": storable(fact.binding),
                "queue_mode": fact.queue_mode,
                "lwm2m_version": storable(fact.lwm2m_version),
                "profile": fact.profile,
                **_conflicting(fact),
            }
        case DeviceBootstrapped():
            return {"means": storable(fact.means), **_read(fact)}
        case BootstrapFailed():
            return {
                "step": storable(fact.step),
                "code": storable(fact.code),
                "reason": storable(fact.reason),
                "fingerprint": storable(fact.fingerprint),
                **_denied(fact),
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
