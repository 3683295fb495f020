"""``homeport request``: have a device read, written or executed, and see its answer."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from homeport.client import AsyncClient
from homeport.client.device_requests import Method
from homeport.client.records import Record
from homeport.commands import asking, output, told
from homeport.commands.access import with_async_client
from homeport.commands.asking import Asked, NotDone
from homeport.commands.output import AsJson
from homeport.commands.selection import Chosen, await_device
from homeport.errors import InvalidConfiguration

STANDARD_INPUT = Path("-")


class Verb(StrEnum):
    """What is done with a path."""

    GET = "get"
    PUT = "put"
    POST = "post"
    DELETE = "delete"
    EXECUTE = "execute"
    DISCOVER = "discover"


class Format(StrEnum):
    """Content formats by short names."""

    TEXT = "text"
    OPAQUE = "opaque"
    TLV = "tlv"
    CBOR = "cbor"
    SENML_JSON = "senml-json"
    SENML_CBOR = "senml-cbor"
    LWM2M_JSON = "lwm2m-json"
    LWM2M_CBOR = "lwm2m-cbor"


MEDIA_TYPES: Mapping[Format, str] = {
    Format.TEXT: "text/plain",
    Format.OPAQUE: "application/octet-stream",
    Format.TLV: "application/vnd.oma.lwm2m+tlv",
    Format.CBOR: "application/cbor",
    Format.SENML_JSON: "application/senml+json",
    Format.SENML_CBOR: "application/senml+cbor",
    Format.LWM2M_JSON: "application/vnd.oma.lwm2m+json",
    Format.LWM2M_CBOR: "application/vnd.oma.lwm2m+cbor",
}

_METHODS: Mapping[Verb, Method] = {
    Verb.GET: "GET",
    Verb.PUT: "PUT",
    Verb.POST: "POST",
    Verb.DELETE: "DELETE",
    Verb.EXECUTE: "POST",
    Verb.DISCOVER: "GET",
}
_DONE: Mapping[Verb, str] = {
    Verb.GET: "is empty",
    Verb.PUT: "is written",
    Verb.POST: "is done",
    Verb.DELETE: "is deleted",
    Verb.EXECUTE: "is executed",
    Verb.DISCOVER: "has nothing below it",
}
"""What is said of a path where the answer has no payload."""


class Outcome(Record):
    """What came of it, for programs."""

    device: str
    path: str
    status: int
    error: str = ""
    ct: str = ""
    payload: str = ""
    values: told.Values | None = None


@with_async_client
async def request(
    client: AsyncClient,
    device: Chosen,
    verb: Annotated[
        Verb,
        typer.Argument(
            metavar="METHOD",
            help="get, put, post, delete, execute, or discover: get the links.",
        ),
    ],
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="/3/0/0; to put attributes: '/3/0/9?pmin=10&pmax=60'.",
        ),
    ],
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="VALUE", help="What is written, or the arguments of an execution."
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(help="Take the value from this file; - is the standard input."),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="What the value is.",
            show_default="text, or opaque from a file",
        ),
    ] = None,
    accept: Annotated[
        Format | None, typer.Option(help="What the answer is to be.")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=1, max=2_592_000, help="Give up after so many seconds.")
    ] = 60,
    as_json: AsJson = False,
) -> None:
    """Ask a device for something and show what it answers; 0 if it was done.

    A device that sleeps is asked when it comes, within the time of --wait. The
    notification channel of the API key is left to whoever has it, who is told of the
    answer as well.
    """
    payload = _read(value, file)
    _check(verb, path, payload)
    kind = form or (Format.TEXT if file is None else Format.OPAQUE)
    wanted = MEDIA_TYPES[accept] if accept else ""
    asked = Asked(
        _METHODS[verb],
        "/" + path.lstrip("/"),
        payload or b"",
        "" if payload is None else MEDIA_TYPES[kind],
        told.LINKS if verb is Verb.DISCOVER else wanted,
    )
    identity = await await_device(client, device)
    response = await asking.ask(client, identity, asked, seconds=wait)
    good = response.status == asking.OK
    values = None
    if good and response.payload:
        values = await told.decode(client, identity, asked.path, response)
    if as_json:
        said = {"device": identity, "path": asked.path, "values": values}
        output.print_json(Outcome(**response.model_dump() | said))
    elif good and response.payload:
        told.show(response, values)
    elif good:
        typer.echo(f"{asked.path} {_DONE[verb]}")
    if not good:
        raise NotDone(asking.reason(response))


def _check(verb: Verb, path: str, payload: bytes | None) -> None:
    """Raise InvalidConfiguration for what has no value and needs one, or other way."""
    match verb:
        case Verb.GET | Verb.DELETE | Verb.DISCOVER if payload is not None:
            raise InvalidConfiguration(verb, "takes no value")
        case Verb.PUT if payload is None and "?" not in path:
            raise InvalidConfiguration(
                verb, "needs a value, a --file, or attributes behind the path"
            )


def _read(value: str | None, file: Path | None) -> bytes | None:
    if file is None:
        return None if value is None else value.encode()
    if value is not None:
        raise InvalidConfiguration("--file", "is given beside a value")
    try:
        if file == STANDARD_INPUT:
            return sys.stdin.buffer.read()
        return file.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise InvalidConfiguration(str(file), reason) from error
