"""The JSON of the REST calls about named consumers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from homeport.errors import InvalidParameter
from services.notifier import bodies
from services.notifier.named_consumers import named_consumers
from services.notifier.named_consumers.consuming import Start, State
from services.notifier.named_consumers.named_consumers import (
    MOST_DEVICES,
    MOST_GROUPS,
    Selection,
)
from services.notifier.subscriptions.subscriptions import MOST_PATHS

_Text = Annotated[str, StringConstraints(max_length=128)]

_FACTS = "Names of facts, 'device.registered'; none for all."
_DEVICES = "Ids of devices; none for all."
_GROUPS = (
    "Ids of device groups: devices that are in one of them when a fact is read. None "
    "for all."
)
_PATHS = (
    "Paths of values and of device requests; '*' at the end stands for any "
    "continuation. Facts without a path pass."
)


class ConsumerBody(BaseModel):
    """A consumer; all of it may be left out."""

    facts: list[_Text] | None = Field(default=None, max_length=64, description=_FACTS)
    devices: list[_Text] | None = Field(
        default=None, max_length=MOST_DEVICES, description=_DEVICES
    )
    groups: list[_Text] | None = Field(
        default=None, max_length=MOST_GROUPS, description=_GROUPS
    )
    paths: list[_Text] | None = Field(
        default=None, max_length=MOST_PATHS, description=_PATHS
    )
    start: Literal["now", "first"] | AwareDatetime = Field(
        default="now",
        description=(
            "Where a new consumer begins: now, with the first event that is kept, or "
            "at a time."
        ),
    )


class CursorBody(BaseModel):
    """Where a consumer goes: one of both."""

    sequence: int | None = Field(
        default=None, ge=0, lt=2**63, description="All up to this event is taken."
    )
    start: Literal["now", "first"] | AwareDatetime | None = Field(
        default=None, description="What happened since then is read once more."
    )


class ConsumerInfo(BaseModel):
    """A consumer, and how it goes with it."""

    object: Literal["consumer"] = "consumer"
    name: str
    facts: list[str] = Field(description=_FACTS)
    devices: list[str] = Field(description=_DEVICES)
    groups: list[str] = Field(description=_GROUPS)
    paths: list[str] = Field(description=_PATHS)
    created_at: str
    sequence: int = Field(description="All up to this event is taken.")
    waiting: int = Field(
        description=(
            "Events of these facts that are not taken, before devices, groups and "
            "paths are looked at."
        )
    )
    dropped: int = Field(
        description="Events that left the stream before they were taken, at least."
    )
    connected: bool = Field(description="Whether somebody reads just now.")


class ConsumerList(BaseModel):
    """Some consumers in the order of their names (R-14)."""

    object: Literal["list"] = "list"
    data: list[ConsumerInfo]
    limit: int
    order: Literal["ASC"] = "ASC"
    after: str | None
    has_more: bool


def parse_consumer(body: bytes) -> tuple[Selection, Start | datetime]:
    """Parse the body of a PUT, which may be empty; raise InvalidParameter."""
    given = bodies.parse(ConsumerBody, body or b"{}")
    return named_consumers.select(given.model_dump()), _start(given.start)


def parse_cursor(body: bytes) -> int | Start | datetime:
    """Parse where a consumer goes; raise InvalidParameter."""
    given = bodies.parse(CursorBody, body)
    if given.sequence is not None and given.start is None:
        return given.sequence
    if given.start is not None and given.sequence is None:
        return _start(given.start)
    raise InvalidParameter("body", "has neither a sequence nor a start, or both")


def info(state: State) -> ConsumerInfo:
    """Build what a GET answers."""
    consumer, cursor = state.consumer, state.cursor
    selected = named_consumers.show(consumer.selection)
    created = consumer.created_at.isoformat(timespec="microseconds")
    return ConsumerInfo(
        name=consumer.name,
        facts=selected["facts"],
        devices=selected["devices"],
        groups=selected["groups"],
        paths=selected["paths"],
        created_at=created.replace("+00:00", "Z"),
        sequence=cursor.place,
        waiting=cursor.waiting,
        dropped=cursor.dropped,
        connected=state.connected,
    )


def listing(
    states: Sequence[State], *, limit: int, after: str | None, has_more: bool
) -> ConsumerList:
    """Build the answer to a list."""
    return ConsumerList(
        data=[info(state) for state in states],
        limit=limit,
        after=after,
        has_more=has_more,
    )


def _start(given: Any) -> Start | datetime:
    return given if isinstance(given, datetime) else Start[given.upper()]


CONSUMER_REQUEST = bodies.request(
    ConsumerBody,
    {"facts": ["device.registered", "resource.notified"], "paths": ["/3303/*"]},
    required=False,
)
CURSOR_REQUEST = bodies.request(CursorBody, {"sequence": 4711}, required=True)
