"""A structure is what the device listed, in the words of the events."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.events.facts import Resource
from homeport.protocol import linkformat, paths, structure
from homeport.protocol.structure import Structure

FULL = b'</1/0>,</3/0/17>;obs,</3/0/2>;v="0";aobs="883",</5000/0/2>;rt="blob";ct=42'


def listed(payload: bytes) -> Structure:
    return structure.from_links(linkformat.parse(payload))


def merged(delta: bytes) -> list[str]:
    return list(structure.merge(listed(FULL), linkformat.parse(delta)))


def entries(payload: bytes) -> object:
    return orjson.loads(structure.to_json(listed(payload)))


def test_an_entry_says_what_the_device_gave_and_nothing_else() -> None:
    assert entries(FULL) == [
        {"path": "/1/0"},
        {"path": "/3/0/17", "obs": True},
        {"path": "/3/0/2", "obs": True, "attributes": {"v": "0", "aobs": "883"}},
        {"path": "/5000/0/2", "rt": "blob", "ct": "42"},
    ]


def test_the_text_is_compact() -> None:
    assert structure.to_json(listed(b"</1/0>,</3>;obs")) == (
        '[{"path":"/1/0"},{"path":"/3","obs":true}]'
    )


@pytest.mark.parametrize("payload", [b"</3>;ver=1.2", b'</3>;ver="1.2"'])
def test_object_versions_are_kept_with_and_without_quotes(payload: bytes) -> None:
    assert entries(payload) == [{"path": "/3", "attributes": {"ver": "1.2"}}]


@pytest.mark.parametrize(
    ("payload", "formats"),
    [
        (b'</>;rt="oma.lwm2m";ct=110', "110"),
        (b'</>;ct="60 110 112";rt="oma.lwm2m"', "60 110 112"),
    ],
)
def test_the_root_link_keeps_the_formats_of_the_device(
    payload: bytes, formats: str
) -> None:
    assert entries(payload) == [{"path": "/", "rt": "oma.lwm2m", "ct": formats}]


def test_paths_below_an_alternative_root_are_those_that_applications_know() -> None:
    assert list(listed(b'</lwm2m>;rt="oma.lwm2m",</lwm2m/1/0>,</lwm2m/3>,</fw>')) == [
        "/lwm2m",
        "/1/0",
        "/3",
        "/fw",
    ]


def test_a_target_listed_twice_is_as_listed_last() -> None:
    assert entries(b"</3>;obs,</1>,</3>") == [{"path": "/3"}, {"path": "/1"}]


@pytest.mark.parametrize("payload", [b"<coap://host/3>", b"<//host/3>", b"<3>", b"<>"])
def test_a_target_that_is_no_path_on_the_device_is_left_out(payload: bytes) -> None:
    assert listed(payload) == {}


@pytest.mark.parametrize("path", ["/3", "/3/0", "/3/0/11", "/3/0/11/0"])
def test_an_object_and_all_below_it_count_as_object_links(path: str) -> None:
    assert structure.lists_object(listed(f"</>,<{path}>".encode()))


@pytest.mark.parametrize("path", ["/", "/fw", "/3/a", "/3/", "/123456", "/1/2/3/4/5"])
def test_any_other_path_is_no_object_link(path: str) -> None:
    assert not structure.lists_object(listed(f"<{path}>".encode()))


def test_a_delta_adds_what_is_new_and_keeps_the_rest() -> None:
    assert merged(b"</9/0>") == ["/1/0", "/3/0/17", "/3/0/2", "/5000/0/2", "/9/0"]


def test_a_delta_replaces_what_it_lists_again() -> None:
    result = structure.merge(listed(FULL), linkformat.parse(b"</3/0/17>"))
    assert result["/3/0/17"] == {}


def test_a_delta_removes_what_it_marks_as_gone() -> None:
    assert merged(b"</3/0/2>;d,</never/seen>;d") == ["/1/0", "/3/0/17", "/5000/0/2"]


def test_an_empty_delta_changes_nothing() -> None:
    assert structure.merge(listed(FULL), ()) == listed(FULL)


@given(
    st.dictionaries(
        st.text(max_size=6).map(lambda text: f"/{text}"),
        st.dictionaries(
            st.sampled_from(
                ["rt", "if", "ct", "obs", "aobs", "path", "v", "attributes"]
            ),
            st.just(True) | st.text(max_size=6),
        ),
    )
)
def test_what_was_read_is_written_again_as_the_same_text(any_: Structure) -> None:
    text = structure.to_json(any_)
    assert structure.to_json(structure.from_json(text)) == text
    assert all(Resource.model_validate(entry) for entry in orjson.loads(text))


@pytest.mark.parametrize(
    ("payload", "path", "has"),
    [
        (b"</3/0/9>", "/3/0/9", True),
        (b"</3/0/9>", "/3/0/8", False),
        (b"</3/0/9>,</3/0>,</3>", "/3/0/8", False),
        (b"</3/0>", "/3/0/8", True),
        (b"</3/0>,</3>", "/3/1/8", False),
        (b"</3>", "/3/1/8", True),
        (b"</3/0/6/1>", "/3/0/6", True),
        (b"</33/0/8>,<coap://elsewhere/3>,</other>", "/3/0/8", False),
    ],
)
def test_a_device_has_what_it_lists_and_all_below_where_it_stops(
    payload: bytes, path: str, *, has: bool
) -> None:
    resource = paths.parse(path)
    missing = structure.missing(listed(payload), [resource])
    assert missing == (None if has else resource)
