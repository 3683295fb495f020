"""What callers may say of devices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.directory.devices.device_bodies import DeviceBody, DeviceChanges


def test_what_is_not_said_is_no_change() -> None:
    assert DeviceChanges().given() == {}
    assert DeviceChanges(name="a", auto_update=False).given() == {
        "name": "a",
        "auto_update": False,
    }


def test_a_new_device_stands_at_the_beginning() -> None:
    given_ = DeviceBody().given()
    assert given_["initial_state"] == "unenrolled"
    assert given_["mechanism"] == "connector"
    assert "state" not in given_


def test_text_is_made_storable() -> None:
    body = DeviceChanges(name="\0", custom_attributes={"a\0": "\0"})
    assert body.given() == {
        "name": "\ufffd",
        "custom_attributes": {"a\ufffd": "\ufffd"},
    }


@given(st.dictionaries(st.text(max_size=130), st.text(max_size=130), max_size=7))
def test_custom_attributes_are_taken_or_refused(attributes: dict[str, str]) -> None:
    good = len(attributes) <= 5 and all(
        key[:1].isascii()
        and key[:1].isalpha()
        and len(key) <= 128
        and len(value) <= 128
        for key, value in attributes.items()
    )
    if good:
        DeviceChanges(custom_attributes=attributes)
    else:
        with pytest.raises(ValidationError):
            DeviceChanges(custom_attributes=attributes)
