"""The objects that are known from the beginning."""

import pytest

from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Operations, Type, Version
from homeport.protocol.paths import Path


def test_all_objects_of_a_device_and_its_server_are_there() -> None:
    assert {0, 1, 2, 3, 4, 5, 6, 7, 9, 14, 3303, 10252, 10255} <= set(CORE.objects)


@pytest.mark.parametrize(
    ("number", "version", "resources"),
    [
        (0, Version(1, 0), 13),
        (0, Version(1, 1), 18),
        (1, Version(1, 0), 9),
        (1, Version(1, 2), 28),
        (3, Version(1, 0), 23),
        (5, Version(1, 0), 9),
        (5, Version(1, 2), 14),
    ],
)
def test_a_version_has_what_the_ones_before_it_have(
    number: int, version: Version, resources: int
) -> None:
    found = CORE.find(number, version)
    assert found is not None
    assert found.version == version
    assert len(found.resources) == resources


@pytest.mark.parametrize(
    ("path", "name", "operations", "kind", "multiple"),
    [
        ((0, 0, 5), "Secret Key", Operations.NONE, Type.OPAQUE, False),
        (
            (1, 0, 1),
            "Lifetime",
            Operations.READ | Operations.WRITE,
            Type.INTEGER,
            False,
        ),
        ((3, 0, 4), "Reboot", Operations.EXECUTE, None, False),
        ((3, 0, 22), "ExtDevInfo", Operations.READ, Type.OBJECT_LINK, True),
        ((5, 0, 0), "Package", Operations.WRITE, Type.OPAQUE, False),
        ((0, 0, 13), "Matching Type", Operations.NONE, Type.UNSIGNED_INTEGER, False),
    ],
)
def test_resources_are_those_of_the_registry(
    path: tuple[int, ...],
    name: str,
    operations: Operations,
    kind: Type | None,
    multiple: bool,  # noqa: FBT001 # as the registry has it
) -> None:
    found = CORE.resource(Path(path))
    assert found is not None
    assert found.name == name
    assert found.operations is operations
    assert found.type is kind
    assert found.multiple is multiple


def test_a_resource_that_changed_is_another_in_its_version() -> None:
    old, new = CORE.find(1, Version(1, 1)), CORE.find(1, Version(1, 2))
    assert old is not None
    assert new is not None
    assert old.resources[13].operations is Operations.NONE
    assert new.resources[13].operations is Operations.READ
