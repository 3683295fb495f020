"""An account may know its devices better than their requests tell."""

import pytest

from homeport.protocol import alterations, profiles
from homeport.protocol.alterations import NOTHING, Alterations
from homeport.protocol.profiles import Profile, Step


def steps(profile: Profile, **changes: bool) -> list[Step]:
    return list(alterations.alter(profile, Alterations(**changes)).steps)


@pytest.mark.parametrize("profile", profiles.PROFILES.values())
def test_nothing_altered_is_what_was_recognized(profile: Profile) -> None:
    assert alterations.alter(profile, NOTHING) == profile


def test_another_profile_may_be_meant_altogether() -> None:
    altered = alterations.alter(
        profiles.LWM2M_1_0, Alterations(name="izuma-standard", szx=4)
    )
    assert altered.name == "izuma-standard"
    assert (altered.szx, altered.first_instance) == (4, 0)


def test_what_is_said_is_altered_and_the_rest_stays() -> None:
    altered = alterations.alter(
        profiles.LWM2M_1_1,
        Alterations(
            szx=2,
            first_instance=3,
            takes_instances=True,
            takes_keys=False,
            enrolls=True,
            pins=True,
        ),
    )
    assert altered.name == "lwm2m-1.1"
    assert (altered.szx, altered.first_instance, altered.takes_instances) == (
        2,
        3,
        True,
    )
    assert (altered.takes_keys, altered.enrolls, altered.pins) == (False, True, True)
    assert altered.steps == profiles.LWM2M_1_1.steps
    assert altered.usage == profiles.LWM2M_1_1.usage


def test_steps_come_and_go() -> None:
    assert steps(profiles.IZUMA, deletes=True, discovers=True) == [
        Step.DELETE,
        Step.DISCOVER,
        Step.WRITE_SECURITY,
        Step.FINISH,
    ]
    assert steps(profiles.IZUMA, discovers=True)[0] is Step.DISCOVER
    assert steps(profiles.IZUMA_STANDARD, discovers=True)[:2] == [
        Step.DELETE,
        Step.DISCOVER,
    ]
    assert steps(profiles.LWM2M_1_1, deletes=False, discovers=False) == [
        Step.WRITE_SECURITY,
        Step.WRITE_SERVER,
        Step.FINISH,
    ]


def test_a_step_that_is_there_stays_where_it_is() -> None:
    assert steps(profiles.LWM2M_1_0, deletes=True, discovers=True) == list(
        profiles.LWM2M_1_0.steps
    )
