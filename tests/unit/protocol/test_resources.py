"""What people write down becomes values of the types that devices know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidParameter
from homeport.protocol import resources
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import ObjectDefinition
from homeport.protocol.paths import Path
from homeport.protocol.resources import Now


def definition(number: int) -> ObjectDefinition:
    found = CORE.find(number)
    assert found is not None
    return found


SECURITY, SERVER, ACCESS = definition(0), definition(1), definition(2)
DEVICE = definition(3)


@pytest.mark.parametrize(
    ("object_", "name", "given_", "value"),
    [
        (SERVER, "1", 300, 300),
        (SERVER, "1", 300.0, 300),
        (SERVER, "6", True, True),
        (SERVER, "7", "UQ", "UQ"),
        (SERVER, "10", "11:0", ObjectLink(11, 0)),
        (SECURITY, "5", "AQI=", b"\x01\x02"),
        (SECURITY, "5", "", b""),
        (DEVICE, "13", 1_800_000_000, Time(1_800_000_000)),
        (DEVICE, "13", "now", Now()),
        (definition(6), "0", 60, 60.0),
    ],
)
def test_a_value_is_of_its_resources_type(
    object_: ObjectDefinition, name: str, given_: object, value: Value | Now
) -> None:
    found = resources.parse({name: given_}, object_)[Path((int(name),))]
    assert found == value
    assert type(found) is type(value)


def test_several_values_are_a_list_or_named_by_their_instances() -> None:
    listed = resources.parse({"2": [1, 31]}, ACCESS)
    named = resources.parse({"2": {"0": 1, "123": 31}}, ACCESS)
    assert listed == {Path((2, 0)): 1, Path((2, 1)): 31}
    assert named == {Path((2, 0)): 1, Path((2, 123)): 31}


@pytest.mark.parametrize(
    ("object_", "name", "given_", "reason"),
    [
        (SERVER, "1", "300", "no Integer"),
        (SERVER, "1", 1.5, "no Integer"),
        (SERVER, "1", True, "no Integer"),
        (SERVER, "1", None, "no Integer"),
        (SERVER, "1", 2**63, "no Integer"),
        (SERVER, "6", 1, "no Boolean"),
        (SERVER, "7", 1, "no String"),
        (SERVER, "7", "\ud800", "half a character"),
        (SERVER, "10", "11", "no Objlnk"),
        (SERVER, "8", "", "executed"),
        (SERVER, "99", 1, "no resource of object 1 LwM2M Server"),
        (SERVER, "x", 1, "is not made of"),
        (SERVER, "1/0", 1, "no resource"),
        (SERVER, "1", [1], "one value only"),
        (SERVER, "1", {}, "one value only"),
        (SECURITY, "5", "not base64!", "base64"),
        (ACCESS, "2", 1, "several values"),
        (ACCESS, "2", {"x": 1}, "is not made of"),
        (ACCESS, "2", {"1/2": 1}, "no number"),
        (ACCESS, "2", [1] * 65, "more than 64"),
        (ACCESS, "2", [{}], "no Integer"),
        (DEVICE, "13", "then", "no Time"),
    ],
)
def test_what_is_wrong_is_told_with_the_resource(
    object_: ObjectDefinition, name: str, given_: object, reason: str
) -> None:
    with pytest.raises(InvalidParameter, match=reason) as raised:
        resources.parse({name: given_}, object_)
    assert raised.value.name == name


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["0", "1", "5", "10", "x"]) | st.text(), json))
def test_anything_is_resources_or_refused_by_name(given_: dict[str, object]) -> None:
    try:
        named = {str(path[0]) for path in resources.parse(given_, SECURITY)}
    except InvalidParameter as error:
        named = {error.name}
    assert named <= set(given_)


def test_resources_are_placed_and_clocks_set() -> None:
    found = resources.records(
        {Path((13,)): Now(), Path((6, 1)): 5}, Path((3, 0)), now=1_800_000_000
    )
    assert found == (
        Record(Path((3, 0, 13)), Time(1_800_000_000)),
        Record(Path((3, 0, 6, 1)), 5),
    )


@pytest.mark.parametrize(
    ("value", "built"),
    [
        (b"\x01\x02", "AQI="),
        (ObjectLink(11, 0), "11:0"),
        (Time(5), 5),
        (False, False),
        ("x", "x"),
    ],
)
def test_a_value_is_shown_as_people_write_it(value: Value, built: object) -> None:
    assert resources.build(value) == built


@pytest.mark.parametrize(
    ("object_", "secrets"),
    [(SECURITY, [5, 8]), (SERVER, []), (definition(9), [2, 3, 14, 15])],
)
def test_secrets_are_known_by_their_names_and_by_what_may_be_done(
    object_: ObjectDefinition, secrets: list[int]
) -> None:
    found = [
        each.id for each in object_.resources.values() if resources.is_secret(each)
    ]
    assert found == secrets
    assert not resources.is_secret(None)
