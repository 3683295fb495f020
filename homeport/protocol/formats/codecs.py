"""Every content format by its number and by its media type (rest.md section 20)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from homeport.errors import (
    InvalidFormat,
    InvalidParameter,
    InvalidValue,
    UnsupportedFormat,
)
from homeport.protocol import linkformat
from homeport.protocol import tlv as entries
from homeport.protocol.formats import (
    cbor,
    links,
    lwm2m_cbor,
    lwm2m_json,
    opaque,
    senml_cbor,
    senml_json,
    text,
    tlv,
)
from homeport.protocol.formats.payloads import LARGEST
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import Path


@dataclass(frozen=True, slots=True)
class Codec:
    """A content format: its number, its media type, and both ways through it."""

    content_format: int
    media_type: str
    decode: Callable[[bytes, Path, Definitions], tuple[Record, ...]]
    encode: Callable[[Sequence[Record], Path], bytes]


_TLV = "application/vnd.oma.lwm2m+tlv"

CODECS: Mapping[int, Codec] = {
    each.content_format: each
    for each in (
        Codec(text.CONTENT_FORMAT, "text/plain", text.decode, text.encode),
        Codec(
            linkformat.CONTENT_FORMAT,
            "application/link-format",
            links.decode,
            links.encode,
        ),
        Codec(
            opaque.CONTENT_FORMAT,
            "application/octet-stream",
            opaque.decode,
            opaque.encode,
        ),
        Codec(cbor.CONTENT_FORMAT, "application/cbor", cbor.decode, cbor.encode),
        Codec(
            tlv.NANOSERVICE_CONTENT_FORMAT,
            "application/nanoservice-tlv",
            tlv.decode,
            tlv.encode,
        ),
        Codec(
            senml_json.CONTENT_FORMAT,
            "application/senml+json",
            senml_json.decode,
            senml_json.encode,
        ),
        Codec(
            senml_cbor.CONTENT_FORMAT,
            "application/senml+cbor",
            senml_cbor.decode,
            senml_cbor.encode,
        ),
        Codec(entries.CONTENT_FORMAT, _TLV, tlv.decode, tlv.encode),
        Codec(
            lwm2m_json.CONTENT_FORMAT,
            "application/vnd.oma.lwm2m+json",
            lwm2m_json.decode,
            lwm2m_json.encode,
        ),
        Codec(
            lwm2m_cbor.CONTENT_FORMAT,
            "application/vnd.oma.lwm2m+cbor",
            lwm2m_cbor.decode,
            lwm2m_cbor.encode,
        ),
    )
}

MEDIA_TYPES: Mapping[int, str] = {
    **{number: codec.media_type for number, codec in CODECS.items()},
    50: "application/json",
}
"""What the numbers are called in HTTP; 50 has a name and no meaning in LwM2M."""

_NUMBERS = {
    **{name: number for number, name in MEDIA_TYPES.items()},
    "application/vnd.oma.lwm2m+text": text.CONTENT_FORMAT,
    "application/vnd.oma.lwm2m+opaq": opaque.CONTENT_FORMAT,
}


def decode(
    content_format: int, payload: bytes, *, base: Path, definitions: Definitions
) -> tuple[Record, ...]:
    """Decode what a device says of the base and of what is below it.

    Raises UnsupportedFormat, and InvalidFormat with a position: the byte where the
    syntax breaks, or the number of the record whose meaning does.
    """
    codec = _codec(content_format)
    if len(payload) > LARGEST:
        raise InvalidFormat(
            codec.media_type, f"has more than {LARGEST} bytes", position=LARGEST
        )
    return codec.decode(payload, base, definitions)


def encode(content_format: int, records: Sequence[Record], *, base: Path) -> bytes:
    """Encode records of the base and of what is below it.

    Raises UnsupportedFormat, and InvalidValue for what the format cannot say.
    """
    payload = _codec(content_format).encode(records, base)
    if len(payload) > LARGEST:
        raise InvalidValue(f"has more than {LARGEST} bytes")
    return payload


def media_type(content_format: int) -> str:
    """Return what a content format is called; raise UnsupportedFormat without one."""
    if content_format not in MEDIA_TYPES:
        raise UnsupportedFormat(content_format)
    return MEDIA_TYPES[content_format]


def content_format(media_type: str) -> int:
    """Return the number of a media type; raise InvalidParameter if it is unknown."""
    name = media_type.partition(";")[0].strip().lower()
    if name not in _NUMBERS:
        raise InvalidParameter("content-type", "is none that devices know")
    return _NUMBERS[name]


def _codec(content_format: int) -> Codec:
    if content_format not in CODECS:
        raise UnsupportedFormat(content_format)
    return CODECS[content_format]
