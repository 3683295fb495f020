"""What holds for every payload, read or written, in whichever format it is."""

import math
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from homeport.errors import InvalidFormat, InvalidValue
from homeport.protocol import paths
from homeport.protocol.formats import values
from homeport.protocol.formats.records import Record, Value
from homeport.protocol.objects.definitions import Definitions, Type
from homeport.protocol.paths import Path

LARGEST = 1 << 20
"""Bytes of a payload (rest.md section 19)."""
MOST_RECORDS = 65_536

Written = TypeVar("Written")


class Reading(Generic[Written]):
    """The records of a payload that is about ``base``, each checked as it is added.

    ``convert`` makes a value of what is written and of its type, None if that is not
    known. The position of an error is the number of its record, from 0.
    """

    def __init__(
        self,
        format_name: str,
        convert: Callable[[Written, Type | None], Value],
        *,
        base: Path,
        definitions: Definitions,
    ) -> None:
        self._format_name = format_name
        self._convert = convert
        self._base = base
        self._definitions = definitions
        self._records: dict[tuple[Path, float | None], Record] = {}

    @property
    def records(self) -> tuple[Record, ...]:
        """What has been added."""
        return tuple(self._records.values())

    def add(
        self, path: Path, written: Written | None, time: float | None = None
    ) -> None:
        """Add a record; raise InvalidFormat for what no device may say."""
        if (path, time) in self._records:
            raise self.invalid(f"has {paths.build(path)} twice")
        if len(self._records) == MOST_RECORDS:
            raise self.invalid(f"has more than {MOST_RECORDS} records")
        try:
            _check_path(path, self._base, has_value=written is not None)
            value = self._value(path, written)
        except InvalidValue as error:
            raise self.invalid(error.reason) from error
        self._records[path, time] = Record(path, value, time)

    def invalid(self, reason: str) -> InvalidFormat:
        """Say what is wrong with the next record."""
        return InvalidFormat(
            self._format_name, f"{reason}, in a record", position=len(self._records)
        )

    def _value(self, path: Path, written: Written | None) -> Value | None:
        if written is None:
            return None
        value = self._convert(written, self._definitions.type_of(path))
        values.check(value)
        return value


def check(records: Sequence[Record], base: Path, *, timed: bool = False) -> None:
    """Raise InvalidValue for records that no payload about ``base`` can have.

    ``timed`` says that the format has a way to tell times.
    """
    if len(records) > MOST_RECORDS:
        raise InvalidValue(f"has more than {MOST_RECORDS} records")
    if len({(each.path, each.time) for each in records}) < len(records):
        raise InvalidValue("has a path twice")
    for each in records:
        _check_path(each.path, base, has_value=each.value is not None)
        if each.value is not None:
            values.check(each.value)
        if each.time is not None and not (timed and math.isfinite(each.time)):
            raise InvalidValue(f"has a time that cannot be told, {each.time}")


def only_value(records: Sequence[Record], base: Path) -> Value:
    """Return the one value there is, of the base; raise InvalidValue without it."""
    check(records, base)
    match records:
        case [Record(path=path, value=value)] if path == base and value is not None:
            return value
    raise InvalidValue(f"is something else than one value for {paths.build(base)}")


def _check_path(path: Path, base: Path, *, has_value: bool) -> None:
    if not paths.within(path, base):
        raise InvalidValue(
            f"has {paths.build(path)}, which is not within {paths.build(base)}"
        )
    if has_value and len(path) < paths.RESOURCE:
        raise InvalidValue(f"has a value for {paths.build(path)}, which is no resource")
