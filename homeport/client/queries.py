"""What is asked of a list, as a query string (R-14 .. R-24)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

Asked = str | int | bool | date | datetime | Iterable[str | int]
"""A value of a query; several for ``__in`` and ``__nin``."""

PAGING = frozenset({"limit", "order", "after", "include", "filter"})
OPERATORS = frozenset({"eq", "neq", "in", "nin", "gte", "lte", "like"})


def build(asked: Mapping[str, Asked]) -> dict[str, str]:
    """Build the parameters of a query.

    A field without operator is asked to be equal: ``state="registered"`` becomes
    ``state__eq=registered``. Times have to know their zone.
    """
    return {_name(name): _text(value) for name, value in asked.items()}


def _name(name: str) -> str:
    if name in PAGING or name.rpartition("__")[2] in OPERATORS:
        return name
    return f"{name}__eq"


def _text(value: Asked) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(UTC).isoformat()
        case int() | date():
            return str(value)
        case _:
            return ",".join(map(str, value))
