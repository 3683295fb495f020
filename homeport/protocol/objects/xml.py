"""The XML in which objects are registered and uploaded (OMA's LWM2M schema 1.1).

Of XML this takes elements, attributes and text. A document type is refused where it
begins, and with it every entity, so that nothing is fetched and nothing is expanded.
"""

from collections.abc import Mapping
from typing import TypeVar
from xml.parsers import expat

from homeport.errors import InvalidFormat, InvalidName
from homeport.protocol import paths
from homeport.protocol.objects import definitions
from homeport.protocol.objects.definitions import (
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
)

LARGEST = 1 << 20
"""Bytes of a document; the largest of the registry has 33 kB."""
DEEPEST = 8
LONGEST_NAME = 255

_Choice = TypeVar("_Choice")

_OBJECT = ["LWM2M", "Object"]
_ITEM = [*_OBJECT, "Resources", "Item"]
_MULTIPLE = {"Single": False, "Multiple": True}
_TYPES = {each.value: each for each in Type} | {"": None}
_OPERATIONS = {
    "": Operations.NONE,
    "R": Operations.READ,
    "W": Operations.WRITE,
    "RW": Operations.READ | Operations.WRITE,
    "E": Operations.EXECUTE,
}


def parse(document: bytes) -> tuple[ObjectDefinition, ...]:
    """Parse the objects of a document; raise InvalidFormat with the position."""
    if len(document) > LARGEST:
        raise InvalidFormat(
            "object definition", f"has more than {LARGEST} bytes", position=LARGEST
        )
    return _Reader().read(document)


class _Reader:
    """Follows a document from its beginning and keeps the objects that it ends."""

    def __init__(self) -> None:
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._take
        parser.EndElementHandler = self._end
        self._open: list[str] = []
        self._text = ""
        self._object: dict[str, str] = {}
        self._item: dict[str, str] = {}
        self._resources: dict[int, ResourceDefinition] = {}
        self._found: list[ObjectDefinition] = []

    def read(self, document: bytes) -> tuple[ObjectDefinition, ...]:
        try:
            self._parser.Parse(document, True)
        except expat.ExpatError as error:
            reason = f"is no XML ({expat.ErrorString(error.code)})"
            raise self._invalid(reason) from error
        if not self._found:
            raise self._invalid("has no object")
        return tuple(self._found)

    def _refuse_doctype(self, *_: object) -> None:
        raise self._invalid("has a document type")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        self._text = ""
        if len(self._open) > DEEPEST:
            raise self._invalid(f"is more than {DEEPEST} elements deep")
        if self._open == _OBJECT:
            self._object, self._resources = {}, {}
        elif self._open == _ITEM:
            self._item = {"ID": attributes.get("ID", "")}

    def _take(self, text: str) -> None:
        self._text += text

    def _end(self, name: str) -> None:
        text, self._text = self._text.strip(), ""
        if self._open == _ITEM:
            self._end_item()
        elif self._open == _OBJECT:
            self._found.append(self._end_object())
        self._open.pop()
        if self._open == _ITEM:
            self._item[name] = text
        elif self._open == _OBJECT:
            self._object[name] = text

    def _end_item(self) -> None:
        item = self._item
        number = self._id(item["ID"])
        if number in self._resources:
            raise self._invalid(f"has resource {number} twice")
        self._resources[number] = ResourceDefinition(
            number,
            self._name(item),
            self._choice(_OPERATIONS, item, "Operations"),
            self._choice(_TYPES, item, "Type"),
            self._choice(_MULTIPLE, item, "MultipleInstances"),
        )

    def _end_object(self) -> ObjectDefinition:
        try:
            version = definitions.parse_version(
                self._object.get("ObjectVersion") or "1.0"
            )
        except InvalidName as error:
            raise self._invalid("has an ObjectVersion that is none") from error
        return ObjectDefinition(
            self._id(self._object.get("ObjectID", "")),
            self._name(self._object),
            version,
            self._choice(_MULTIPLE, self._object, "MultipleInstances"),
            self._resources,
        )

    def _id(self, text: str) -> int:
        try:
            (number,) = paths.parse(f"/{text}")
        except (InvalidName, ValueError) as error:
            raise self._invalid("has an id that is none") from error
        return number

    def _name(self, fields: Mapping[str, str]) -> str:
        name = fields.get("Name", "")
        if not 1 <= len(name) <= LONGEST_NAME:
            raise self._invalid(f"has a name without 1 to {LONGEST_NAME} characters")
        return name

    def _choice(
        self, choices: Mapping[str, _Choice], fields: Mapping[str, str], name: str
    ) -> _Choice:
        try:
            return choices[fields.get(name, "")]
        except KeyError as error:
            raise self._invalid(f"has a value of {name} that is none") from error

    def _invalid(self, reason: str) -> InvalidFormat:
        position = max(self._parser.ErrorByteIndex, 0)
        return InvalidFormat("object definition", reason, position=position)
