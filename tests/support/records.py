"""Records of every type, for tests of content formats."""

from itertools import chain

from hypothesis import strategies as st

from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.definitions import (
    Definitions,
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
    Version,
)
from homeport.protocol.paths import Path

OBJECT = 32_769
"""An object that has a resource of each type, numbered in the order of `Type`."""
RESOURCES = dict(enumerate(Type))
DEFINITIONS = Definitions().including(
    [
        ObjectDefinition(
            OBJECT,
            "Everything",
            Version(1, 0),
            multiple=True,
            resources={
                number: ResourceDefinition(number, each.value, Operations.READ, each)
                for number, each in RESOURCES.items()
            },
        )
    ]
)
UNKNOWN = Definitions()

IDS = st.integers(0, 65_535)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
VALUES: dict[Type, st.SearchStrategy[Value]] = {
    Type.STRING: TEXTS,
    Type.INTEGER: st.integers(-(1 << 63), (1 << 63) - 1),
    Type.UNSIGNED_INTEGER: st.integers(0, (1 << 64) - 1),
    Type.FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    Type.BOOLEAN: st.booleans(),
    Type.OPAQUE: st.binary(max_size=300),
    Type.TIME: st.builds(Time, st.integers(-(1 << 63), (1 << 63) - 1)),
    Type.OBJECT_LINK: st.builds(ObjectLink, IDS, IDS),
    Type.CORE_LINK: TEXTS,
}


@st.composite
def resources(draw: st.DrawFn, instance: Path) -> list[Record]:
    """Draw some resources of an instance, some of them with several values."""
    records = []
    for number in draw(st.lists(st.sampled_from(sorted(RESOURCES)), unique=True)):
        path, values = Path((*instance, number)), VALUES[RESOURCES[number]]
        if draw(st.booleans()):
            records.append(Record(path, draw(values)))
            continue
        several = draw(st.dictionaries(IDS, values, max_size=3))
        if not several:
            records.append(Record(path, None))
        records += [Record(Path((*path, each)), several[each]) for each in several]
    return records


@st.composite
def payloads(draw: st.DrawFn) -> tuple[Path, list[Record]]:
    """Draw a base, of any depth but the root, and records of it."""
    instances = draw(st.lists(IDS, min_size=1, max_size=2, unique=True))
    drawn = [draw(resources(Path((OBJECT, each)))) for each in instances]
    match draw(st.integers(1, 3)):
        case 1:
            return Path((OBJECT,)), list(chain(*drawn))
        case 2:
            return Path((OBJECT, instances[0])), drawn[0]
        case _:
            base = Path(
                (OBJECT, instances[0], draw(st.sampled_from(sorted(RESOURCES))))
            )
            return base, [each for each in drawn[0] if each.path[:3] == base]


@st.composite
def single(draw: st.DrawFn) -> Record:
    """Draw the value of one resource or resource instance."""
    number = draw(st.sampled_from(sorted(RESOURCES)))
    deeper = draw(st.lists(IDS, max_size=1))
    path = Path((OBJECT, draw(IDS), number, *deeper))
    return Record(path, draw(VALUES[RESOURCES[number]]))


def times(record: Record) -> st.SearchStrategy[Record]:
    """Give a record any time that it can have; 0 is none."""
    seconds = st.floats(-1e12, 1e12).filter(bool)
    return st.builds(Record, st.just(record.path), st.just(record.value), seconds)


DEVICE = Path((3, 0))
DEVICE_RECORDS = tuple(
    Record(Path((*DEVICE, *ids)), value)
    for ids, value in [
        ((0,), "Open Mobile Alliance"),
        ((1,), "Lightweight M2M Client"),
        ((2,), "345000123"),
        ((3,), "1.0"),
        ((6, 0), 1),
        ((6, 1), 5),
        ((7, 0), 3800),
        ((7, 1), 5000),
        ((8, 0), 125),
        ((8, 1), 900),
        ((9,), 100),
        ((10,), 15),
        ((11, 0), 0),
        ((13,), Time(1_367_491_215)),
        ((14,), "+02:00"),
        ((16,), "U"),
    ]
)
"""The device that the specification reads as an example in every format."""
