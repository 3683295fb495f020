"""Names are validated once, at the door."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport import names
from homeport.errors import InvalidName

ACCOUNT = names.AccountId("0158778f9f1002420a014c1100000000")


def test_a_device_id_is_the_uuidv5_of_its_name_in_its_account() -> None:
    name = names.parse_endpoint_name("urn:dev:1")
    assert names.device_id(ACCOUNT, name) == uuid.uuid5(uuid.UUID(ACCOUNT), name).hex


def test_the_same_name_in_two_accounts_is_two_devices() -> None:
    name = names.parse_endpoint_name("urn:dev:1")
    assert names.device_id(ACCOUNT, name) != names.device_id(
        names.PLATFORM_ACCOUNT, name
    )


@pytest.mark.parametrize("text", ["", "x" * 65, "a\x00b", "a\nb", "a\x7fb", "\ud800"])
def test_a_bad_endpoint_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidName, match="endpoint name"):
        names.parse_endpoint_name(text)


@pytest.mark.parametrize("text", ["x", "ü" * 64, "urn:imei:1", "a/b*c d"])
def test_a_good_endpoint_name_is_kept_as_it_is(text: str) -> None:
    assert names.parse_endpoint_name(text) == text


def test_ids_are_kept_in_lower_case() -> None:
    assert names.parse_account_id("A" * 32) == "a" * 32


@pytest.mark.parametrize("text", ["", "a" * 31, "g" * 32, "a" * 33, "a" * 31 + "é"])
def test_a_bad_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        names.parse_device_id(text)


def test_a_registration_id_leads_to_its_device() -> None:
    device = names.device_id(ACCOUNT, names.parse_endpoint_name("x"))
    registration = names.new_registration_id(device)
    assert names.device_of(names.parse_registration_id(registration)) == device
    assert names.new_registration_id(device) != registration


@pytest.mark.parametrize("text", ["", "a" * 47, "A" * 48, "a" * 49, "a" * 47 + "/"])
def test_a_bad_registration_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        names.parse_registration_id(text)


@given(st.uuids(), st.integers(min_value=1, max_value=16384))
def test_a_bucket_is_one_of_those_there_are(device: uuid.UUID, buckets: int) -> None:
    assert 0 <= names.bucket(names.DeviceId(device.hex), buckets) < buckets


def test_a_replica_says_of_which_service_it_is() -> None:
    assert names.service_of(names.new_edge_id("lwm2m")) == "lwm2m"
