"""SenML: records whose names and times continue a base (RFC 8428).

What JSON and CBOR have in common; labels are those of JSON here. LwM2M leaves some of
them out (LwM2M 1.1 core §7.4.4) and adds ``vlo``, a link to an object.
"""

from collections.abc import Iterable, Iterator, Sequence

from homeport.errors import InvalidValue
from homeport.protocol import paths
from homeport.protocol.formats import fields, payloads, values
from homeport.protocol.formats.fields import Fields
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.paths import ROOT, Path

VERSION = 10
"""The newest version that is read (RFC 8428 §4.4)."""

_VALUES = ("v", "vs", "vb", "vd", "vlo")
_FOREIGN = frozenset({"bv", "bs", "s"})
"""Labels that make another value of a record, and that LwM2M does not have."""


def read(reading: Reading[Value], pack: Iterable[Fields]) -> None:
    """Add what the records of a pack say; raise InvalidFormat with their number."""
    base_name, base_time = "", 0.0
    for each in pack:
        try:
            _check_labels(each)
            base_name = fields.text(each, "bn", base_name)
            base_time = fields.number(each, "bt", base_time)
            path = fields.path(base_name + fields.text(each, "n"))
            time = fields.time(base_time, fields.number(each, "t"))
            value = _value(each)
        except InvalidValue as error:
            raise reading.invalid(error.reason) from error
        reading.add(path, value, time)


def write(records: Sequence[Record], base: Path) -> Iterator[dict[str, object]]:
    """Yield the fields of each record, the first with the base for all of them.

    Raises InvalidValue for records that no payload can have.
    """
    payloads.check(records, base, timed=True)
    bases = {} if base == ROOT else {"bn": paths.build(base)}
    for each in records:
        written: dict[str, object] = {**bases}
        if name := paths.suffix(each.path, base):
            written["n"] = name
        if each.time is not None:
            written["t"] = each.time
        if each.value is not None:
            written |= _written(each.value)
        yield written
        bases = {}


def _check_labels(record: Fields) -> None:
    for label in record:
        if label in _FOREIGN or label.endswith("_"):
            raise InvalidValue(
                f"has {label[: fields.LONGEST_NAME]}, which is not known"
            )
    version = record.get("bver", VERSION)
    if type(version) is not int or version > VERSION:
        raise InvalidValue("is of a version that is not known")


def _value(record: Fields) -> Value | None:
    label = fields.only(record, _VALUES)
    match label, record.get(label or ""):
        case None, _:
            return None
        case ("vb", bool(value)) | ("vs", str(value)) | ("vd", bytes(value)):
            return value
        case "vd", str(value):
            return values.from_base64(value)
        case "vlo", str(value):
            return values.parse_link(value)
        case "v", (int() | float() | Time()) as value if not isinstance(value, bool):
            return value
    raise InvalidValue(f"has a {label} that is none")


def _written(value: Value) -> dict[str, object]:
    match value:
        case bool():
            return {"vb": value}
        case str():
            return {"vs": value}
        case bytes():
            return {"vd": value}
        case ObjectLink():
            return {"vlo": values.build_link(value)}
        case Time(seconds):
            return {"v": seconds}
        case _:
            return {"v": value}
