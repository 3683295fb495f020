"""From facts to NotificationMessages (contract: six keys, one kind a message).

A fact is read directly: our own script wrote it, and the models of ``homeport.events``
would cost as much again as all the rest of a delivery.
"""

from base64 import b64decode
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from homeport.errors import InvalidFormat
from homeport.events.facts import FactName
from homeport.protocol.formats.codecs import MEDIA_TYPES
from homeport.protocol.objects.definitions import Definitions
from services.notifier.channels.channels import Serialization
from services.notifier.device_requests import results
from services.notifier.device_requests.decoding import decode
from services.notifier.subscriptions.subscriptions import NOTHING, Interest

Item = str | Mapping[str, object]
"""What stands in a message's array."""


class Kind(StrEnum):
    """The keys of a NotificationMessage (R-117)."""

    NOTIFICATIONS = "notifications"
    REGISTRATIONS = "registrations"
    REG_UPDATES = "reg-updates"
    DE_REGISTRATIONS = "de-registrations"
    REGISTRATIONS_EXPIRED = "registrations-expired"
    ASYNC_RESPONSES = "async-responses"


class Taken(NamedTuple):
    """An event as the stream gave it; a tuple, since there is one for every event.

    ``sequence`` is its place in the stream, ``time`` when the stream took it, in
    milliseconds since 1970: both stay the same however often it is repeated.
    ``traceparent`` is the trace that it belongs to, if any.
    """

    sequence: int
    time: int
    body: bytes
    traceparent: str = ""


class Notice(NamedTuple):
    """What an application is told of one event."""

    kind: Kind
    device: str
    item: Item


@dataclass(frozen=True, slots=True)
class Message:
    """A NotificationMessage: the items of one kind."""

    kind: Kind
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is told: the key of a channel, the form of its messages, what it wants.

    Its account's ``definitions`` are there where values are to be decoded.
    """

    key_id: str
    serialization: Serialization
    interest: Interest = NOTHING
    definitions: Definitions | None = None


def read(taken: Taken, addressee: Addressee) -> Notice | None:
    """Read what an application is told of an event; nothing if it is not its business.

    Raises InvalidFormat when the event is no fact we know.
    """
    try:
        fact = orjson.loads(taken.body)
        tell = _TELLERS[fact["fact"]]
        return tell(fact, taken, addressee) if tell else None
    except orjson.JSONDecodeError as error:
        raise InvalidFormat("fact", error.msg, position=error.pos) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidFormat("fact", f"{type(error).__name__} {error}") from error


def group(notices: Iterable[Notice], most: int) -> list[Message]:
    """Make as few messages as keep each device's notices in their order (B-186).

    A notice joins the earliest message of its kind that has room and is not before the
    message with its device's previous notice. A message has at most ``most`` items.
    """
    messages: list[tuple[Kind, list[Item]]] = []
    places: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    latest: dict[str, int] = {}
    for kind, device, item in notices:
        of_kind = places[kind]
        candidate = bisect_left(of_kind, latest.get(device, 0))
        while candidate < len(of_kind) and len(messages[of_kind[candidate]][1]) >= most:
            candidate += 1
        if candidate == len(of_kind):
            of_kind.append(len(messages))
            messages.append((kind, []))
        place = of_kind[candidate]
        messages[place][1].append(item)
        latest[device] = place
    return [Message(kind, items) for kind, items in messages]


def begin(notices: Sequence[Notice | None], most: int) -> tuple[Message | None, int]:
    """Make a message of as many first notices as are of one kind.

    Returns it with how many of ``notices`` are settled by it: those that are None, and
    nobody's business, on the way. There is no message where all are.
    """
    kind: Kind | None = None
    items: list[Item] = []
    settled = 0
    for notice in notices:
        if notice is not None:
            if len(items) == most or kind not in (None, notice.kind):
                break
            kind = notice.kind
            items.append(notice.item)
        settled += 1
    return Message(kind, items) if kind else None, settled


def build(message: Message) -> bytes:
    """Build the JSON that the application receives."""
    return orjson.dumps({message.kind.value: message.items})


def _registered(fact: Any, taken: Taken, addressee: Addressee) -> Notice:
    item = _registration(fact, taken, addressee.serialization)
    item["original-ep"] = fact["endpoint_name"]
    return Notice(Kind.REGISTRATIONS, fact["device_id"], item)


def _updated(fact: Any, taken: Taken, addressee: Addressee) -> Notice:
    item = _registration(fact, taken, addressee.serialization)
    return Notice(Kind.REG_UPDATES, fact["device_id"], item)


def _deregistered(fact: Any, taken: Taken, addressee: Addressee) -> Notice:
    item = _ended(fact, taken, addressee.serialization)
    return Notice(Kind.DE_REGISTRATIONS, fact["device_id"], item)


def _expired(fact: Any, taken: Taken, addressee: Addressee) -> Notice:
    item = _ended(fact, taken, addressee.serialization)
    return Notice(Kind.REGISTRATIONS_EXPIRED, fact["device_id"], item)


def _completed(fact: Any, taken: Taken, addressee: Addressee) -> Notice | None:
    """Tell who asked, and nobody else."""
    if not fact["async_id"] or fact["key_id"] != addressee.key_id:
        return None
    item = results.item(fact)
    _extend(item, fact, addressee.serialization, timestamp=taken.time)
    _decode(item, fact, addressee)
    return Notice(Kind.ASYNC_RESPONSES, fact["device_id"], item)


def _notified(fact: Any, taken: Taken, addressee: Addressee) -> Notice | None:
    """Tell a value to those who want it.

    The error that ends an observation is told as a value that is none, and holds for no
    time: messages have no other way to say it.
    """
    device, path = fact["device_id"], fact["path"]
    if not addressee.interest.wants(
        device,
        path,
        endpoint_name=fact["endpoint_name"],
        endpoint_type=fact.get("endpoint_type", ""),
    ):
        return None
    holds = fact.get("code", _CONTENT).startswith("2.")
    item: dict[str, object] = {
        "ep": device,
        "path": path,
        "payload": fact.get("payload", "") if holds else "",
        "max-age": fact.get("max_age", 60) if holds else 0,
    }
    if holds and (content_format := fact.get("content_format")) is not None:
        item["ct"] = results.media_type(content_format)
    _extend(item, fact, addressee.serialization, timestamp=taken.time)
    _decode(item, fact, addressee)
    return Notice(Kind.NOTIFICATIONS, device, item)


def _registration(
    fact: Any, taken: Taken, serialization: Serialization
) -> dict[str, object]:
    item = {
        "ep": fact["device_id"],
        "ept": fact["endpoint_type"],
        "q": fact["queue_mode"],
        "resources": [_resource(resource) for resource in fact["resources"]],
    }
    _extend(item, fact, serialization, timestamp=str(taken.time))
    return item


def _ended(fact: Any, taken: Taken, serialization: Serialization) -> Item:
    device: str = fact["device_id"]
    if not serialization.deregistrations_as_object:
        return device
    item: dict[str, object] = {"ep": device}
    _extend(item, fact, serialization, timestamp=str(taken.time))
    return item


def _extend(
    item: dict[str, object],
    fact: Any,
    serialization: Serialization,
    *,
    timestamp: int | str,
) -> None:
    """Add what the channel wants besides; a time is no number everywhere (R-124)."""
    if serialization.include_uid:
        item["uid"] = fact["id"]
    if serialization.include_timestamp:
        item["timestamp"] = timestamp
    if serialization.include_original_ep:
        item["original-ep"] = fact["endpoint_name"]


def _decode(item: dict[str, object], fact: Any, addressee: Addressee) -> None:
    """Say what a payload says where the channel wants that; null where it is none."""
    if addressee.definitions is None:
        return
    values, payload = None, item["payload"]
    if payload and fact.get("code", _CONTENT).startswith("2."):
        values = decode(
            fact["path"],
            b64decode(str(payload)),
            fact.get("content_format"),
            addressee.definitions,
        )
    item["values"] = values


def _resource(resource: Any) -> dict[str, object]:
    """Keep what R-121 names: ``rt``, ``if`` and ``ct`` only if the device gave them."""
    told: dict[str, object] = {"path": resource["path"]}
    for name in ("rt", "if"):
        if (value := resource.get(name)) is not None:
            told[name] = value
    if (formats := resource.get("ct")) is not None:
        told["ct"] = _MEDIA_TYPES.get(formats) or media_types(formats)
    told["obs"] = resource.get("obs", False)
    return told


def media_types(formats: str) -> str:
    """Name the content formats of a link (R-118); an unknown number stays one."""
    return " ".join(_MEDIA_TYPES.get(number, number) for number in formats.split())


_CONTENT = "2.05"
_MEDIA_TYPES: Mapping[str, str] = {
    str(number): name for number, name in MEDIA_TYPES.items()
}

_TELLERS: Mapping[str, Callable[[Any, Taken, Addressee], Notice | None] | None] = {
    **dict.fromkeys(FactName),
    FactName.DEVICE_REGISTERED: _registered,
    FactName.REGISTRATION_UPDATED: _updated,
    FactName.DEVICE_DEREGISTERED: _deregistered,
    FactName.REGISTRATION_EXPIRED: _expired,
    FactName.REQUEST_COMPLETED: _completed,
    FactName.RESOURCE_NOTIFIED: _notified,
}
"""How each fact is told; one without a teller is not the application's business."""
