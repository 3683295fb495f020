"""The members of the objects that the directory shows, and what may be asked of each.

One table an object: the body, the filters and the API description are made from it. A
member that nothing is kept of has no column: it shows what it is while it is unset
(R-30), and can be filtered by that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as member
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Text,
    literal,
)
from sqlalchemy.types import TypeEngine

from homeport.errors import InvalidFormat
from services.directory import times
from services.directory.schema import device_shared_keys
from services.directory.storable import storable

EQUALITY = frozenset({"eq", "neq", "in", "nin"})
EITHER = frozenset({"eq", "neq"})
SPAN = frozenset({"in", "nin", "gte", "lte"})
NOTHING: frozenset[str] = frozenset()
BARE = frozenset({"eq"})
"""What a time can be asked besides where ``filter=`` is used."""

ATTRIBUTES = "custom_attributes"

LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of values: read from a filter, shown in a body, described to callers.

    ``parse`` raises InvalidFormat.
    """

    type: TypeEngine[Any]
    parse: Callable[[str], object]
    schema: Mapping[str, object]
    build: Callable[[Any], object] = lambda value: value


@dataclass(frozen=True, slots=True)
class Field:
    """A member of an object, and the operators that it can be asked for with.

    ``operators`` are those of the query itself, ``within_filter`` of the older
    ``filter=``. ``meets`` says what eq means where that is not equality, and neq is its
    opposite then; a member that is not ``shown`` can only be asked for.
    """

    kind: Kind
    column: ColumnElement[Any] | None = None
    unset: object = None
    operators: frozenset[str] = NOTHING
    within_filter: frozenset[str] = NOTHING
    meets: Callable[[Any], ColumnElement[bool]] | None = None
    shown: bool = True
    _name: str = member(init=False)

    def __post_init__(self) -> None:
        """Keep what its column is called in a row, which each answer asks for."""
        name = "" if self.column is None else str(self.column.key)
        object.__setattr__(self, "_name", name)

    @property
    def expression(self) -> ColumnElement[Any]:
        """What stands for it in a query."""
        if self.column is not None:
            return self.column
        return literal(self.unset, self.kind.type)

    def value(self, row: Any) -> object:
        """Return what a row says of it, as it is shown."""
        if not self._name:
            return self.unset
        value = getattr(row, self._name)
        return None if value is None else self.kind.build(value)


def build(fields: Mapping[str, Field], row: Any) -> dict[str, object]:
    """Build the body of an object from its row."""
    return {name: field.value(row) for name, field in fields.items() if field.shown}


def _parse_flag(text: str) -> bool:
    match text.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise InvalidFormat("boolean", f"{text[:40]!r} is neither true nor false")


def _parse_number(text: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(f"{LARGEST_NUMBER}")
    if not digits or int(text) > LARGEST_NUMBER:
        raise InvalidFormat("number", f"{text[:40]!r} is not 0 to {LARGEST_NUMBER}")
    return int(text)


def _parse_date(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 # a day only
    except ValueError:
        return times.parse(text).date()


TEXT = Kind(Text(), storable, {"type": "string"})
ID = Kind(
    Text(), lambda text: storable(text.lower()), {"type": "string", "maxLength": 32}
)
FLAG = Kind(Boolean(), _parse_flag, {"type": "boolean"})
NUMBER = Kind(Integer(), _parse_number, {"type": "integer"})
TIME = Kind(
    DateTime(timezone=True),
    times.parse,
    {"type": "string", "format": "date-time", "nullable": True},
    times.build,
)
DATE = Kind(Date(), _parse_date, {"type": "string", "format": "date", "nullable": True})
OBJECT = Kind(Text(), storable, {"type": "object"})
LIST = Kind(Text(), storable, {"type": "array", "items": {"type": "string"}})


def text(column: ColumnElement[Any] | None = None, *, kind: Kind = TEXT) -> Field:
    """Make a text that can be asked for by equality."""
    return Field(kind, column, "", EQUALITY, EQUALITY)


def time(column: ColumnElement[Any] | None = None, *, kind: Kind = TIME) -> Field:
    """Make a time or a day that can be asked for by its span."""
    return Field(kind, column, None, SPAN, SPAN | BARE)


def flag(column: ColumnElement[Any] | None = None) -> Field:
    """Make a boolean."""
    return Field(FLAG, column, unset=False, operators=EITHER, within_filter=EITHER)


def derived(column: Column[Any], build: Callable[[Any], object]) -> Field:
    """Make a text that is read off another one."""
    return Field(Kind(Text(), storable, {"type": "string"}, build), column)


def attribute(held: Field, key: str) -> Field:
    """Make one of the custom attributes that a member holds (R-23)."""
    if held.column is None:
        return Field(TEXT, None, None, EQUALITY, EQUALITY)
    column = held.column

    def meets(value: Any) -> ColumnElement[bool]:
        return column.contains({key: value})

    return Field(TEXT, column, None, EQUALITY, EQUALITY, meets)


SHARED_KEY: Mapping[str, Field] = {
    "object": Field(TEXT, unset="device-shared-key"),
    "endpoint_name": Field(TEXT, device_shared_keys.c.endpoint_name),
    "service": Field(TEXT, device_shared_keys.c.service),
    "created_at": Field(TIME, device_shared_keys.c.created_at),
}
"""Never the secret (R-81)."""
