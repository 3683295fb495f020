"""Versions of an object stand side by side, and each device has its own."""

import pytest

from homeport.errors import InvalidName
from homeport.protocol.objects import definitions
from homeport.protocol.objects.definitions import (
    Definitions,
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
    Version,
)
from homeport.protocol.paths import Path

OBJECT = 20_000
LEVEL = Path((OBJECT, 0, 1))


def version(major: int, minor: int, kind: Type) -> ObjectDefinition:
    level = ResourceDefinition(1, "Level", Operations.READ, kind)
    return ObjectDefinition(
        OBJECT, "Tank", Version(major, minor), multiple=True, resources={1: level}
    )


KNOWN = Definitions().including(
    [
        version(1, 0, Type.INTEGER),
        version(1, 2, Type.FLOAT),
        version(2, 0, Type.STRING),
    ]
)


@pytest.mark.parametrize(
    ("spoken", "kind"),
    [
        (None, Type.STRING),
        (Version(1, 0), Type.INTEGER),
        (Version(1, 2), Type.FLOAT),
        (Version(1, 1), Type.FLOAT),  # the newest that adds to it
        (Version(1, 10), Type.FLOAT),
        (Version(2, 5), Type.STRING),
        (Version(3, 0), None),
    ],
)
def test_types_are_those_of_the_version_that_a_device_speaks(
    spoken: Version | None, kind: Type | None
) -> None:
    known = KNOWN.speaking({OBJECT: spoken} if spoken else {})
    assert known.type_of(LEVEL) is kind


def test_a_version_may_be_asked_for() -> None:
    found = KNOWN.speaking({OBJECT: Version(2, 0)}).find(OBJECT, Version(1, 0))
    assert found is not None
    assert found.version == (1, 0)


def test_all_values_of_a_resource_have_its_type() -> None:
    assert KNOWN.type_of(Path((*LEVEL, 7))) is Type.STRING


@pytest.mark.parametrize(
    "path", [(), (OBJECT,), (OBJECT, 0), (OBJECT, 0, 2), (9, 0, 1)]
)
def test_what_is_not_defined_has_no_type(path: tuple[int, ...]) -> None:
    assert KNOWN.type_of(Path(path)) is None


def test_an_object_takes_the_place_of_its_own_version_only() -> None:
    changed = KNOWN.including([version(2, 0, Type.TIME)])
    assert changed.type_of(LEVEL) is Type.TIME
    assert KNOWN.type_of(LEVEL) is Type.STRING
    assert len(changed.objects[OBJECT]) == 3


def test_a_version_is_two_numbers() -> None:
    assert definitions.parse_version("1.10") == Version(1, 10)
    for text in ("", "1", "1.", "1.1.1", "v1.1", "1.00000", "-1.0", " 1.0"):
        with pytest.raises(InvalidName):
            definitions.parse_version(text)
