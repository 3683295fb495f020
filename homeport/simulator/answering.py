"""What a simulated device answers a server that asks for its objects."""

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option
from homeport.errors import (
    InvalidFormat,
    InvalidInput,
    InvalidName,
    NotAllowed,
    UnsupportedFormat,
)
from homeport.protocol import linkformat, paths, queries
from homeport.protocol.formats import codecs, senml_json, text
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Operations
from homeport.protocol.paths import ROOT, Path
from homeport.protocol.tlv import CONTENT_FORMAT as TLV
from homeport.simulator.objects import Objects

_SECURITY = 0
_ATTRIBUTES = frozenset({"pmin", "pmax", "gt", "lt", "st", "epmin", "epmax"})


def answer(objects: Objects, request: Message) -> Answer:
    """Answer a request; one that is wrong gets the error that says so."""
    try:
        path = paths.parse("/" + "/".join(request.path))
        if path[:1] == (_SECURITY,):
            return Answer(Code.UNAUTHORIZED)
        return _answer(objects, request, path)
    except InvalidName:
        return Answer(Code.NOT_FOUND)
    except UnsupportedFormat as error:
        return explain(Code.UNSUPPORTED_CONTENT_FORMAT, error)
    except NotAllowed as error:
        return explain(Code.METHOD_NOT_ALLOWED, error)
    except InvalidInput as error:
        return explain(Code.BAD_REQUEST, error)


def read(objects: Objects, path: Path, accept: int | None = None) -> Answer:
    """Answer with what is at a path, in the format that is wanted."""
    found = objects.read(path)
    if not found:
        return Answer(Code.METHOD_NOT_ALLOWED if objects.has(path) else Code.NOT_FOUND)
    alone = len(found) == 1 and found[0].path == path
    content_format = accept if accept is not None else text.CONTENT_FORMAT
    if accept is None and not alone:
        content_format = TLV
    if content_format == linkformat.CONTENT_FORMAT:
        return _content(content_format, linkformat.build(objects.links(path)))
    try:
        payload = codecs.encode(content_format, found, base=path)
    except InvalidInput:
        return Answer(Code.NOT_ACCEPTABLE)
    return _content(content_format, payload)


def _answer(  # noqa: PLR0911 # one for each thing that may be asked
    objects: Objects, request: Message, path: Path
) -> Answer:
    match request.code, len(path):
        case Code.GET, _:
            return read(objects, path, request.number(Option.ACCEPT))
        case Code.FETCH, _:
            return _read_several(objects, request)
        case Code.iPATCH, _:
            return _write(objects, request, ROOT)
        case Code.PUT, _ if request.queries and not request.payload:
            return _write_attributes(objects, request, path)
        case (Code.PUT, _) | (Code.POST, paths.INSTANCE):
            return _write(objects, request, path)
        case Code.POST, paths.OBJECT:
            return _create(objects, request, path)
        case Code.POST, paths.RESOURCE:
            return _execute(objects, path)
        case Code.DELETE, paths.INSTANCE if objects.delete(path):
            return Answer(Code.DELETED)
        case Code.DELETE, _ if not objects.has(path):
            return Answer(Code.NOT_FOUND)
        case _:
            return Answer(Code.METHOD_NOT_ALLOWED)


def _read_several(objects: Objects, request: Message) -> Answer:
    wanted = _decode(request, ROOT)
    found = {each.path: each for asked in wanted for each in objects.read(asked.path)}
    content_format = request.number(Option.ACCEPT) or senml_json.CONTENT_FORMAT
    payload = codecs.encode(content_format, list(found.values()), base=ROOT)
    return _content(content_format, payload)


def _write(objects: Objects, request: Message, path: Path) -> Answer:
    if path != ROOT and not objects.has(path):
        return Answer(Code.NOT_FOUND)
    objects.write(_decode(request, path), within=path)
    return Answer(Code.CHANGED)


def _create(objects: Objects, request: Message, path: Path) -> Answer:
    if not objects.has(path):
        return Answer(Code.NOT_FOUND)
    try:
        records = _decode(request, path)
    except InvalidFormat:  # resources of an instance that is not named
        records = _decode(request, objects.free(path[0]))
    created = objects.create(records, path[0])
    if created is None:
        return Answer(Code.METHOD_NOT_ALLOWED)
    location = ((Option.LOCATION_PATH, str(each).encode()) for each in created)
    return Answer(Code.CREATED, tuple(location))


def _execute(objects: Objects, path: Path) -> Answer:
    if not objects.has(path):
        return Answer(Code.NOT_FOUND)
    allowed = objects.allows(path, Operations.EXECUTE)
    return Answer(Code.CHANGED if allowed else Code.METHOD_NOT_ALLOWED)


def _write_attributes(objects: Objects, request: Message, path: Path) -> Answer:
    if not objects.has(path):
        return Answer(Code.NOT_FOUND)
    given = queries.parse(request.queries)
    if not _ATTRIBUTES.issuperset(given):
        raise InvalidFormat("attributes", "have one that is not known")
    objects.note(path, given)
    return Answer(Code.CHANGED)


def _decode(request: Message, path: Path) -> tuple[Record, ...]:
    content_format = request.content_format
    if content_format is None:
        content_format = text.CONTENT_FORMAT
    return codecs.decode(content_format, request.payload, base=path, definitions=CORE)


def _content(content_format: int, payload: bytes) -> Answer:
    number = content_format.to_bytes((content_format.bit_length() + 7) // 8, "big")
    return Answer(Code.CONTENT, ((Option.CONTENT_FORMAT, number),), payload)
