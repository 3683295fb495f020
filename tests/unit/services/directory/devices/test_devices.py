"""What facts make of a device, in whatever order they come."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.events.facts import AnyFact, FactName
from homeport.names import PLATFORM_ACCOUNT
from services.directory.devices import devices
from services.directory.devices.devices import Device, State
from tests.support.directory import START, fact

BOOTSTRAPPING = FactName.DEVICE_BOOTSTRAPPING
BOOTSTRAPPED = FactName.DEVICE_BOOTSTRAPPED
FAILED = FactName.BOOTSTRAP_FAILED
REGISTERED = FactName.DEVICE_REGISTERED
UPDATED = FactName.REGISTRATION_UPDATED
DEREGISTERED = FactName.DEVICE_DEREGISTERED
EXPIRED = FactName.REGISTRATION_EXPIRED

SHAPING = [
    *(BOOTSTRAPPING, BOOTSTRAPPED),
    *(REGISTERED, UPDATED, DEREGISTERED, EXPIRED),
]


def made(told: Sequence[AnyFact]) -> Device:
    device = devices.blank(told[0])
    for each in told:
        device = devices.apply(device, each)
    return device


def life(*kinds: FactName) -> list[AnyFact]:
    return [fact(kind, number) for number, kind in enumerate(kinds, 1)]


def test_a_device_of_which_nothing_is_told_is_unenrolled() -> None:
    assert devices.blank(fact(REGISTERED)).state is State.UNENROLLED


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ([BOOTSTRAPPING], State.CLOUD_ENROLLING),
        ([BOOTSTRAPPING, FAILED], State.CLOUD_ENROLLING),
        ([BOOTSTRAPPING, FAILED, BOOTSTRAPPING, BOOTSTRAPPED], State.BOOTSTRAPPED),
        ([BOOTSTRAPPING, BOOTSTRAPPED], State.BOOTSTRAPPED),
        ([BOOTSTRAPPED, BOOTSTRAPPING], State.BOOTSTRAPPED),
        ([BOOTSTRAPPED, REGISTERED], State.REGISTERED),
        ([REGISTERED], State.REGISTERED),
        ([REGISTERED, UPDATED], State.REGISTERED),
        ([REGISTERED, REGISTERED], State.REGISTERED),
        ([REGISTERED, BOOTSTRAPPING, BOOTSTRAPPED], State.REGISTERED),
        ([REGISTERED, DEREGISTERED], State.DEREGISTERED),
        ([REGISTERED, EXPIRED], State.DEREGISTERED),
        ([BOOTSTRAPPED, REGISTERED, EXPIRED], State.DEREGISTERED),
        ([REGISTERED, BOOTSTRAPPED, EXPIRED], State.DEREGISTERED),
        ([REGISTERED, DEREGISTERED, BOOTSTRAPPING], State.DEREGISTERED),
        ([REGISTERED, DEREGISTERED, FAILED], State.DEREGISTERED),
        ([REGISTERED, DEREGISTERED, BOOTSTRAPPED], State.BOOTSTRAPPED),
        ([REGISTERED, DEREGISTERED, REGISTERED], State.REGISTERED),
    ],
)
def test_states_follow_the_table(kinds: list[FactName], state: State) -> None:
    assert made(life(*kinds)).state is state


@given(
    st.lists(st.sampled_from(SHAPING), min_size=1, max_size=12).flatmap(
        lambda kinds: st.tuples(
            st.just(kinds),
            st.permutations(range(len(kinds))),
            st.lists(st.integers(0, len(kinds) - 1), max_size=12),
        )
    )
)
def test_facts_in_any_order_and_number_make_the_same_device(
    drawn: tuple[list[FactName], list[int], list[int]],
) -> None:
    kinds, order, again = drawn
    told = [
        fact(kind, number, endpoint_type=f"type {number}")
        for number, kind in enumerate(kinds, 1)
    ]
    assert made([told[index] for index in [*order, *again]]) == made(told)


def test_the_newest_registration_says_what_the_device_is() -> None:
    old = fact(REGISTERED, 1, endpoint_type="old")
    new = fact(UPDATED, 2, endpoint_type="new", changes=["endpoint_type"])
    assert made([old, new]).endpoint_type == "new"
    assert made([new, old]).endpoint_type == "new"


def test_what_has_ended_keeps_what_is_known() -> None:
    assert made(life(REGISTERED, EXPIRED)).endpoint_type == "kettle"


def test_the_time_of_the_latest_bootstrap_is_kept() -> None:
    device = made(life(BOOTSTRAPPED, REGISTERED, BOOTSTRAPPED))
    assert device.bootstrapped_timestamp == START + timedelta(seconds=3)
    assert device.created_at == START + timedelta(seconds=1)
    assert device.updated_at == START + timedelta(seconds=3)


def test_a_mere_refresh_tells_nothing() -> None:
    refresh = fact(UPDATED, changes=[])
    assert not devices.tells(refresh)
    assert not devices.shapes(refresh)
    assert devices.tells(fact(UPDATED, changes=["lifetime"]))


@pytest.mark.parametrize("kind", SHAPING)
def test_facts_of_no_known_account_make_no_device(kind: FactName) -> None:
    assert devices.shapes(fact(kind))
    assert devices.tells(fact(kind, account=PLATFORM_ACCOUNT))
    assert not devices.shapes(fact(kind, account=PLATFORM_ACCOUNT))


@pytest.mark.parametrize(
    "kind", [FAILED, FactName.REGISTRATION_REFUSED, FactName.QUEUE_CLEARED]
)
def test_what_only_belongs_to_the_history_makes_no_device(kind: FactName) -> None:
    assert devices.tells(fact(kind))
    assert not devices.shapes(fact(kind))


def test_text_that_cannot_be_stored_is_made_storable() -> None:
    told = fact(REGISTERED, endpoint_type="\0" * 70)
    assert made([told]).endpoint_type == "\N{REPLACEMENT CHARACTER}" * 64


def test_a_finished_bootstrap_says_what_the_device_has() -> None:
    device = made(
        [
            fact(
                BOOTSTRAPPED,
                means="certificate",
                device_key="f" * 64,
                ca_id="c" * 32,
                issuer_fingerprint="e" * 64,
                bootstrap_expires_at=START + timedelta(days=3650),
                credential_expires_at=START + timedelta(days=365),
                execution_mode=5,
            )
        ]
    )
    assert device.endpoint_name == "urn:dev:1"
    assert device.device_key == "f" * 64
    assert device.ca_id == "c" * 32
    assert device.issuer_fingerprint == "e" * 64
    assert device.bootstrap_expiration_date == date(2036, 11, 21)
    assert device.connector_expiration_date == date(2027, 11, 24)
    assert device.device_execution_mode == 5
    assert device.developer == ""


def test_a_developer_device_is_called_by_its_id() -> None:
    device = made([fact(BOOTSTRAPPED, developer="f" * 64, execution_mode=1)])
    assert device.endpoint_name == device.id
    assert device.developer == "f" * 64


def test_a_bootstrap_without_certificates_leaves_nothing_of_the_one_before() -> None:
    device = made(
        [
            fact(BOOTSTRAPPED, 1, device_key="f" * 64, issuer_fingerprint="e" * 64),
            fact(BOOTSTRAPPED, 2),
        ]
    )
    assert device.device_key == ""
    assert device.issuer_fingerprint is None


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_newest_credential_that_was_used_ends_the_earlier_ones(
    order: tuple[int, int, int],
) -> None:
    told = [
        fact(REGISTERED, 1, credential_issued=1_000),
        fact(REGISTERED, 2, credential_issued=3_000),
        fact(REGISTERED, 3, credential_issued=2_000),
    ]
    assert made([told[index] for index in order]).credentials_not_before == 3_000


def test_a_credential_that_is_not_ours_ends_none() -> None:
    device = made([fact(REGISTERED, 1, credential_issued=1_000), fact(REGISTERED, 2)])
    assert device.credentials_not_before == 1_000


@pytest.mark.parametrize(
    "told", [fact(BOOTSTRAPPED), fact(REGISTERED, credential_issued=1)]
)
def test_the_trust_view_is_told_of_credentials(told: AnyFact) -> None:
    before = devices.blank(told)
    assert devices.apply(before, told).trusted_for != before.trusted_for


@pytest.mark.parametrize(
    "told", [fact(REGISTERED), fact(BOOTSTRAPPING), fact(UPDATED), fact(EXPIRED)]
)
def test_the_trust_view_is_told_of_nothing_else(told: AnyFact) -> None:
    before = devices.blank(told)
    assert devices.apply(before, told).trusted_for == before.trusted_for


def deleted(told: Sequence[AnyFact], revision: int) -> Device:
    """Make a device, and leave nothing of it but its place."""
    place = replace(devices.blank(told[0]), deleted_revision=revision)
    for each in told:
        place = devices.apply(place, each)
    return place


@pytest.mark.parametrize("kind", [BOOTSTRAPPING, BOOTSTRAPPED, REGISTERED])
def test_a_deleted_device_comes_back_by_what_it_begins_later(kind: FactName) -> None:
    back = deleted([fact(kind, 8)], 7)
    assert back.recorded
    assert back.created_at == back.updated_at == START + timedelta(seconds=8)


@pytest.mark.parametrize("kind", SHAPING)
def test_a_deleted_device_does_not_come_back_by_what_it_did_before(
    kind: FactName,
) -> None:
    assert not deleted([fact(kind, 7)], 7).recorded


@pytest.mark.parametrize("kind", [UPDATED, DEREGISTERED, EXPIRED])
def test_a_deleted_device_does_not_come_back_by_its_end(kind: FactName) -> None:
    assert not deleted([fact(kind, 8)], 7).recorded


def test_a_device_begins_where_it_was_said_to_stand() -> None:
    said = replace(devices.blank(fact(REGISTERED)), initial_state="bootstrapped")
    assert said.state is State.BOOTSTRAPPED
    assert devices.apply(said, fact(BOOTSTRAPPING)).state is State.CLOUD_ENROLLING
