"""LwM2M JSON, which SenML took the place of (LwM2M 1.0 §6.4.4).

Bytes stand as base64 where strings do, so that only their type tells them apart.
"""

from collections.abc import Iterator, Sequence

import orjson

from homeport.errors import InvalidValue
from homeport.protocol import paths
from homeport.protocol.formats import fields, json, payloads, values
from homeport.protocol.formats.fields import Fields
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.definitions import Definitions, Type
from homeport.protocol.paths import ROOT, Path

CONTENT_FORMAT = 11543
_NAME = "LwM2M JSON"

_VALUES = ("v", "bv", "sv", "ov")


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode records; raise InvalidFormat with the position.

    Without a base name, names continue the base.
    """
    reading = Reading(_NAME, _to_value, base=base, definitions=definitions)
    document = json.parse(payload, _NAME)
    try:
        for path, value, time in _elements(document, base):
            reading.add(path, value, time)
    except InvalidValue as error:
        raise reading.invalid(error.reason) from error
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode records; raise InvalidValue for those that no payload can have."""
    payloads.check(records, base, timed=True)
    document = {"e": [_written(each, base) for each in records]}
    named = {} if base == ROOT else {"bn": paths.build(base)}
    return orjson.dumps(named | document)


def _elements(
    document: object, base: Path
) -> Iterator[tuple[Path, Value | None, float | None]]:
    if not isinstance(document, dict) or not isinstance(document.get("e"), list):
        raise InvalidValue("has no list of elements")
    base_time = fields.number(document, "bt")
    for each in document["e"]:
        if not isinstance(each, dict):
            raise InvalidValue("has something else than an object")
        path = fields.path(_name(document, fields.text(each, "n"), base))
        yield path, _value(each), fields.time(base_time, fields.number(each, "t"))


def _name(document: Fields, name: str, base: Path) -> str:
    if "bn" in document:
        return fields.text(document, "bn") + name
    if name.startswith("/"):
        return name
    return (
        "/".join([paths.build(base).rstrip("/"), name]) if name else paths.build(base)
    )


def _value(element: Fields) -> Value | None:
    label = fields.only(element, _VALUES)
    match label, element.get(label or ""):
        case None, _:
            return None
        case ("bv", bool(value)) | ("sv", str(value)):
            return value
        case "ov", str(value):
            return values.parse_link(value)
        case "v", (int() | float()) as value if not isinstance(value, bool):
            return value
    raise InvalidValue(f"has a {label} that is none")


def _to_value(written: Value, kind: Type | None) -> Value:
    if kind is Type.OPAQUE and isinstance(written, str):
        return values.from_base64(written)
    return values.fit(written, kind)


def _written(record: Record, base: Path) -> dict[str, object]:
    written: dict[str, object] = {"n": paths.suffix(record.path, base)}
    if record.time is not None:
        written["t"] = record.time
    match record.value:
        case None:
            pass
        case bool():
            written["bv"] = record.value
        case str() | bytes():
            written["sv"] = values.to_text(record.value)
        case ObjectLink():
            written["ov"] = values.build_link(record.value)
        case Time(seconds):
            written["v"] = seconds
        case _:
            written["v"] = record.value
    return written
