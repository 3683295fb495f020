"""What is remembered of each fact."""

from datetime import timedelta

import pytest

from homeport.events.facts import FactName
from services.directory.devices import devices, journal
from services.directory.devices.journal import Deed, DeviceEvent
from tests.support.directory import ACCOUNT, START, device_of, fact


def written(name: FactName, **changed: object) -> DeviceEvent:
    """Write down the first fact of a device."""
    told = fact(name, **changed)  # type: ignore[arg-type] # members of the fact
    before = devices.blank(told)
    after = devices.apply(before, told) if devices.shapes(told) else before
    return journal.write(told, before, after)


def test_a_registration_is_remembered_with_what_it_changed() -> None:
    event = written(FactName.DEVICE_REGISTERED, time=START)
    assert event == DeviceEvent(
        id=event.id,
        account_id=ACCOUNT,
        device_id=device_of(),
        revision=1,
        date_time=START,
        event_type="update.device.device-registered",
        description="Device registered",
        state_change=True,
        changes={"state": "registered", "endpoint_type": "kettle"},
        data={
            "endpoint_name": "urn:dev:1",
            "lifetime": 60,
            "binding": "U",
            "queue_mode": False,
            "lwm2m_version": "1.1",
            "profile": "standard",
        },
    )


def test_that_a_registration_ended_says_not_by_whom() -> None:
    event = written(FactName.DEVICE_DEREGISTERED)
    assert event.description == "Registration of the device ended"


def test_a_registration_beside_another_live_device_says_where_that_is() -> None:
    event = written(FactName.DEVICE_REGISTERED, conflicts_with="192.0.2.1:5683")
    assert event.data["conflicts_with"] == "192.0.2.1:5683"
    assert event.description == (
        "Device registered: another one with the same credential was just heard from "
        "192.0.2.1:5683"
    )


def test_a_refused_registration_says_whose_certificate_it_was() -> None:
    event = written(
        FactName.REGISTRATION_REFUSED,
        reason="the endpoint name belongs to another credential",
        fingerprint="f" * 64,
    )
    assert event.description.endswith("belongs to another credential")
    assert event.data["fingerprint"] == "f" * 64


def test_an_event_has_an_id_like_all_others_that_its_fact_decides() -> None:
    one = written(FactName.DEVICE_REGISTERED)
    assert len(one.id) == 32
    assert int(one.id, 16)
    assert written(FactName.DEVICE_REGISTERED).id == one.id
    assert written(FactName.DEVICE_REGISTERED, id="x").id != one.id


def test_an_update_says_what_it_changed() -> None:
    event = journal.write(
        fact(
            FactName.REGISTRATION_UPDATED,
            changes=["lifetime", "resources", "parameters"],
        ),
        None,
        None,
    )
    assert event.changes == {
        "lifetime": 60,
        "resources": ["/3/0", "/3/0/9"],
    }
    assert event.event_type == "update.device.device-registration-updated"
    assert not event.state_change


def test_a_finished_bootstrap_shows_its_time_and_what_was_handed_over() -> None:
    event = written(
        FactName.DEVICE_BOOTSTRAPPED,
        time=START,
        means="certificate",
        execution_mode=5,
        device_key="f" * 64,
        credential_expires_at=START + timedelta(days=365),
    )
    assert event.changes == {
        "state": "bootstrapped",
        "bootstrapped_timestamp": "2026-11-24T14:20:05.000000Z",
        "connector_expiration_date": "2027-11-24",
        "device_execution_mode": 5,
        "device_key": "f" * 64,
    }
    assert event.data == {"endpoint_name": "urn:dev:1", "means": "certificate"}


@pytest.mark.conforms("C-008", "ETS-8")
def test_what_was_read_at_bootstrap_is_remembered() -> None:
    read = {"/1/0/1": 300, "/1/0/7": "U\0", "/1/0/6": False}
    event = written(FactName.DEVICE_BOOTSTRAPPED, read=read)
    assert event.data["read"] == {**read, "/1/0/7": "U\N{REPLACEMENT CHARACTER}"}
    assert "read" not in written(FactName.DEVICE_BOOTSTRAPPED).data


def test_a_failed_bootstrap_says_where_and_why() -> None:
    event = written(FactName.BOOTSTRAP_FAILED)
    assert event.description == (
        "Bootstrap of the device failed at PUT /0: 4.00, it did not want to"
    )
    assert event.data == {
        "endpoint_name": "urn:dev:1",
        "step": "PUT /0",
        "code": "4.00",
        "reason": "it did not want to",
        "fingerprint": "",
    }


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            FactName.REGISTRATION_REFUSED,
            {"reason": "it did not want to", "fingerprint": ""},
        ),
        (FactName.QUEUE_CLEARED, {"reason": "it did not want to", "requests": 1}),
    ],
)
def test_what_changes_nothing_is_remembered_with_its_reason(
    name: FactName, data: dict[str, object]
) -> None:
    event = written(name)
    assert event.changes == {}
    assert not event.state_change
    assert event.data == {"endpoint_name": "urn:dev:1", **data}


def test_a_change_says_what_was_before() -> None:
    registered = fact(FactName.DEVICE_REGISTERED, 1)
    before = devices.apply(devices.blank(registered), registered)
    gone = fact(FactName.DEVICE_DEREGISTERED, 2)
    event = journal.write(gone, before, devices.apply(before, gone))
    assert event.changes == {"state": "deregistered"}
    assert event.data["previous"] == {"state": "registered"}


def test_the_record_of_a_device_is_created_just_before_what_it_did() -> None:
    told = fact(FactName.DEVICE_REGISTERED, 7)
    event = journal.created(told, devices.blank(told))
    assert event.event_type == "update.device.device-created"
    assert event.description == "Device record created"
    assert event.revision == 6
    assert event.id != journal.write(told, None, None).id
    assert journal.created(told, devices.blank(told)).id == event.id


def test_a_deed_is_told_by_what_it_changed() -> None:
    before = {
        "id": device_of(),
        "account_id": ACCOUNT,
        "endpoint_name": "urn:dev:1",
        "name": "kitchen",
        "updated_at": "1",
        "etag": "1",
    }
    after = before | {"name": "hall", "updated_at": "2", "etag": "2"}
    event = journal.done(Deed.UPDATED, before, after, now=START)
    assert event.changes == {"name": "hall"}
    assert event.data == {"endpoint_name": "urn:dev:1", "previous": {"name": "kitchen"}}
    assert event.revision == 1_795_530_005_000_000
    assert not event.state_change


@pytest.mark.parametrize("deed", Deed)
def test_every_deed_has_a_code_and_a_title(deed: Deed) -> None:
    code = f"update.device.device-{deed}"
    assert journal.title(code) == journal.DEED_TITLES[deed]
    assert journal.category(code) == "record"


@pytest.mark.parametrize("name", journal.TITLES)
def test_every_fact_has_a_code_a_title_and_a_category(name: FactName) -> None:
    code = journal.event_type(name)
    assert code.startswith("update.device.device-")
    assert len(code) <= 100
    assert journal.title(code) == journal.TITLES[name]
    assert journal.category(code) in ("bootstrap", "registration", "queue")


def test_a_code_that_is_not_known_here_stands_for_itself() -> None:
    assert journal.title("update.device.device-made") == "update.device.device-made"
    assert journal.category("update.device.device-made") == ""


def test_no_text_of_a_device_is_refused_by_postgresql() -> None:
    event = written(
        FactName.BOOTSTRAP_FAILED,
        endpoint_name="a\0",
        step="\0",
        code="\0",
        reason="\0",
    )
    assert "\0" not in f"{event.description}{event.data}"
    update = journal.write(
        fact(
            FactName.REGISTRATION_UPDATED,
            binding="\0",
            resources=[{"path": "/\0"}],
            changes=["binding", "resources"],
        ),
        None,
        None,
    )
    assert "\\x00" not in f"{update.changes}{update.data}"
