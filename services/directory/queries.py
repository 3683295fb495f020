"""What a caller asks of a list: a page, and of which objects (R-14 .. R-25)."""

import operator as operators
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import ColumnElement, not_, or_

from homeport.errors import InvalidFormat, InvalidParameter
from services.directory import fields as members
from services.directory.fields import ATTRIBUTES, Field
from services.directory.storable import storable

LARGEST_QUERY = 16_384
"""Characters."""

DEFAULT_LIMIT = 50
SMALLEST_LIMIT = 2
LARGEST_LIMIT = 1_000
OPERATORS = frozenset({"eq", "neq", "in", "nin", "gte", "lte", "like"})

_COMPARISONS: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "eq": operators.eq,
    "neq": ColumnElement.is_distinct_from,
    "gte": operators.ge,
    "lte": operators.le,
    "like": partial(ColumnElement.icontains, autoescape=True),
}
"""What is unset is equal to nothing."""

_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of an object; ``values`` are one, or several for in and nin."""

    name: str
    field: Field
    operator: str
    values: tuple[object, ...]

    def expression(self) -> ColumnElement[bool]:
        """Return it as SQL."""
        field, value = self.field, self.values[0]
        if field.meets is not None:
            met = or_(*map(field.meets, self.values))
            return not_(met) if self.operator in ("neq", "nin") else met
        if self.operator in ("in", "nin"):
            found = field.expression.in_(self.values)
            unset = field.expression.is_(None)
            return found if self.operator == "in" else or_(unset, ~found)
        return _COMPARISONS[self.operator](field.expression, value)


@dataclass(frozen=True, slots=True)
class Query:
    """A page of a list; ``after`` is the id of the last object of the page before."""

    limit: int = DEFAULT_LIMIT
    descending: bool = False
    after: str = ""
    total_count: bool = False
    conditions: tuple[Condition, ...] = ()


def parse(text: str, fields: Mapping[str, Field]) -> Query:
    """Read a query string; raise InvalidParameter naming what is wrong (R-25)."""
    if len(text) > LARGEST_QUERY:
        raise InvalidParameter("query", f"is longer than {LARGEST_QUERY} characters")
    asked: dict[str, str] = {}
    conditions: list[Condition] = []
    for name, value in parse_qsl(text, keep_blank_values=True):
        match name:
            case "limit" | "order" | "after" | "include":
                asked[name] = value
            case "filter":
                conditions += parse_filter(value, fields)
            case _:
                conditions.append(_parse_condition(name, value, fields))
    return Query(
        limit=_parse_limit(asked.get("limit", "")),
        descending=_parse_order(asked.get("order", "")),
        after=storable(asked.get("after", "").lower()),
        total_count=_parse_include(asked.get("include", "")),
        conditions=tuple(conditions),
    )


def parse_filter(text: str, fields: Mapping[str, Field]) -> Iterable[Condition]:
    """Read the older form: the same pairs, encoded once more (R-22).

    Raises InvalidParameter naming what is wrong.
    """
    return [
        _parse_condition(name, value, fields, within_filter=True)
        for name, value in parse_qsl(text, keep_blank_values=True)
    ]


def _parse_condition(
    parameter: str,
    text: str,
    fields: Mapping[str, Field],
    *,
    within_filter: bool = False,
) -> Condition:
    name, operator = _split(parameter)
    field = _field(name, fields)
    if field is None:
        raise InvalidParameter(parameter, "is not known")
    if operator not in (field.within_filter if within_filter else field.operators):
        raise InvalidParameter(parameter, f"cannot be asked for with {operator}")
    texts = text.split(",") if operator in ("in", "nin") else [text]
    try:
        values = tuple(field.kind.parse(each) for each in texts)
    except InvalidFormat as error:
        raise InvalidParameter(parameter, error.reason) from error
    return Condition(name, field, operator, values)


def _split(parameter: str) -> tuple[str, str]:
    """Split a parameter into field and operator; a bare field means eq."""
    name, _, operator = parameter.rpartition("__")
    return (name, operator) if operator in OPERATORS else (parameter, "eq")


def _field(name: str, fields: Mapping[str, Field]) -> Field | None:
    attributes, _, key = name.partition("__")
    if key and attributes == ATTRIBUTES and ATTRIBUTES in fields:
        return members.attribute(fields[ATTRIBUTES], key)
    return fields.get(name)


def _parse_limit(text: str) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not _NUMBER.fullmatch(text):
        raise InvalidParameter("limit", "is no number")
    return min(max(int(text), SMALLEST_LIMIT), LARGEST_LIMIT)


def _parse_order(text: str) -> bool:
    match text.upper():
        case "" | "ASC":
            return False
        case "DESC":
            return True
        case _:
            raise InvalidParameter("order", "is neither ASC nor DESC")


def _parse_include(text: str) -> bool:
    wanted = {each.strip() for each in text.split(",")} - {""}
    if wanted - {"total_count"}:
        raise InvalidParameter("include", "knows total_count only")
    return bool(wanted)
