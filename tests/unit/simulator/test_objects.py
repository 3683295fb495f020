"""The objects of a simulated device."""

import pytest

from homeport.errors import NotAllowed
from homeport.protocol import linkformat, paths
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.definitions import Operations
from homeport.protocol.paths import Path
from homeport.simulator.objects import (
    BATTERY,
    COUNTER,
    MOST_INSTANCES,
    TEMPERATURE,
    Action,
    Objects,
)

LIFETIME, OFFSET = Path((1, 1, 1)), Path((3, 0, 14))


@pytest.fixture
def objects() -> Objects:
    return Objects("urn:dev:1", lifetime=60)


def value(objects: Objects, path: Path) -> object:
    (record,) = objects.read(path)
    return record.value


def test_what_is_below_a_path_is_read(objects: Objects) -> None:
    assert value(objects, Path((3, 0, 2))) == "urn:dev:1"
    assert {record.path[:2] for record in objects.read(Path((3,)))} == {(3, 0)}
    assert objects.read(Path((4,))) == []


def test_what_may_be_done_the_definitions_say(objects: Objects) -> None:
    assert objects.allows(LIFETIME, Operations.WRITE)
    assert not objects.allows(BATTERY, Operations.WRITE)
    assert objects.allows(Path((3, 0, 4)), Operations.EXECUTE)
    assert not objects.allows(Path((9999, 0, 1)), Operations.READ)


def test_what_can_only_be_executed_is_there(objects: Objects) -> None:
    assert objects.has(Path((3, 0, 4)))
    assert objects.has(Path((3, 0)))
    assert not objects.has(Path((3, 1, 4)))
    assert not objects.has(Path((3, 0, 9_999)))


def test_a_write_is_done_whole_or_not_at_all(objects: Objects) -> None:
    with pytest.raises(NotAllowed, match="/3/0/9"):
        objects.write(
            [Record(OFFSET, "+02:00"), Record(BATTERY, 1)], within=Path((3, 0))
        )
    assert value(objects, OFFSET) == "+00:00"
    objects.write([Record(LIFETIME, 20)], within=LIFETIME)
    assert objects.lifetime == 20


def test_instances_are_created_and_deleted(objects: Objects) -> None:
    units = [Record(Path((3303, 1, 5701)), "K")]
    created = objects.create(units, 3303)
    assert created == (3303, 1)
    assert objects.create(units, 3303) is None
    assert objects.free(3303) == (3303, 2)
    assert value(objects, Path((3303, 1, 5701))) == "K"
    wanted = objects.create([Record(Path((3303, 7, 5701)), "K")], 3303)
    assert wanted == (3303, 7)
    assert objects.delete(created)
    assert not objects.delete(created)
    assert not objects.delete(Path((3303, 0)))
    assert objects.create(units, 3) is None


def test_there_is_room_for_so_many(objects: Objects) -> None:
    made = [
        objects.create([Record(Path((3303, number, 5701)), "K")], 3303)
        for number in range(1, MOST_INSTANCES + 2)
    ]
    assert made.count(None) == 1


def test_some_resources_make_the_device_do_something(objects: Objects) -> None:
    assert objects.execute(Path((3, 0, 4))) is Action.REBOOT
    assert objects.execute(Path((1, 1, 8))) is Action.UPDATE
    assert objects.execute(Path((5, 0, 2))) is None


def test_links_show_attributes(objects: Objects) -> None:
    objects.note(BATTERY, {"pmin": "5"})
    objects.note(BATTERY, {"pmax": "60"})
    listed = linkformat.build(objects.links(Path((3, 0)))).decode()
    assert "</3/0/9>;pmin=5;pmax=60" in listed
    assert listed.startswith("</3/0>,</3/0/0>")
    assert "</3303" not in listed


def test_time_changes_some_values(objects: Objects) -> None:
    objects.drift(0.5)
    assert (value(objects, BATTERY), value(objects, TEMPERATURE)) == (99, 21.5)
    assert objects.read(COUNTER) == []
    izuma = Objects("urn:dev:1", lifetime=60, izuma=True)
    izuma.drift(0)
    assert value(izuma, COUNTER) == 1
    assert izuma.lifetime == 60
    assert izuma.has(paths.parse("/1/0/8"))
