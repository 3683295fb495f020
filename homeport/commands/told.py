"""What devices tell, decoded: for a person by the names of resources, or as JSON."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from homeport.client import AsyncClient, CallRefused
from homeport.client.notifications import Payload
from homeport.commands import output
from homeport.errors import InvalidInput, Unavailable
from homeport.protocol import linkformat, paths, resources
from homeport.protocol.formats import codecs, text
from homeport.protocol.linkformat import Link
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Type

Values = Mapping[str, Any]
"""JSON values by their paths."""

LINKS = codecs.media_type(linkformat.CONTENT_FORMAT)
_TIMES = range(253_402_300_800)
"""Seconds since 1970 that are in a year of four digits."""


async def decode(
    client: AsyncClient, device: str, path: str, told: Payload
) -> Values | None:
    """Decode what a device has told of a path; None where it cannot be read.

    Of objects that are not everybody's the API may know more than we do, if this is
    the last that it has heard of the path.
    """
    try:
        base = paths.parse(path)
        if base and CORE.find(base[0]) is None:
            with suppress(CallRefused, Unavailable):  # then it is read as far as we can
                known = await client.values.get(device, path)
                if known.payload == told.payload and known.values is not None:
                    return known.values
        form = codecs.content_format(told.ct) if told.ct else text.CONTENT_FORMAT
        records = codecs.decode(form, told.content, base=base, definitions=CORE)
    except InvalidInput:
        return None
    return {
        paths.build(each.path): None
        if each.value is None
        else resources.build(each.value)
        for each in records
    }


def show(told: Payload, values: Values | None) -> None:
    """Print what a device has told for a person."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for row in _rows(told, values):
        table.add_row(*row)
    output.print_table(table)


def line(told: Payload, values: Values | None) -> str:
    """Write what a device has told of a resource on a line."""
    if values is None:
        return raw(told)
    if len(values) == 1:
        ((path, value),) = values.items()
        return _value(path, value)
    return "  ".join(f"{path}={_value(path, value)}" for path, value in values.items())


def raw(told: Payload) -> str:
    """Write what cannot be read: as text if it is one, or as it came."""
    try:
        written = told.content.decode()
    except UnicodeDecodeError:
        return f"{told.ct or 'unknown'} in base64: {told.payload}"
    return output.text(written)


def _rows(told: Payload, values: Values | None) -> Iterator[tuple[str, ...]]:
    if told.ct == LINKS:
        with suppress(InvalidInput):  # then the line below says what came
            links = linkformat.parse(told.content)
            yield from ((each.target, _said(each)) for each in links)
            return
    if values is None:
        yield (raw(told),)
        return
    for path, value in values.items():
        found = CORE.resource(paths.parse(path))
        yield path, found.name if found else "", _value(path, value)


def _said(link: Link) -> str:
    return " ".join(
        name if value is True else f"{name}={output.text(value)}"
        for name, value in link.attributes.items()
    )


def _value(path: str, value: object) -> str:
    is_time = CORE.type_of(paths.parse(path)) is Type.TIME
    if is_time and isinstance(value, int) and value in _TIMES:
        return output.text(datetime.fromtimestamp(value, UTC))
    return output.text(value)
