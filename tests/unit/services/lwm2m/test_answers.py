"""Each kind of device hears what it survives."""

import pytest

from homeport.coap.codec import Code, Option
from homeport.errors import (
    InvalidInput,
    InvalidName,
    InvalidParameter,
    NotAllowed,
    UnsupportedFormat,
    UnsupportedVersion,
)
from homeport.protocol import profiles
from homeport.protocol.profiles import Profile
from services.lwm2m import answers

WAITING = [profiles.LWM2M_1_0, profiles.LWM2M_1_1, profiles.LWM2M_1_2]
DEAF = [profiles.IZUMA, profiles.IZUMA_STANDARD]


@pytest.mark.parametrize(
    ("error", "code", "sparing"),
    [
        (InvalidName("endpoint name", "is bad"), Code.BAD_REQUEST, Code.UNAUTHORIZED),
        (InvalidParameter("lt", "is bad"), Code.BAD_REQUEST, Code.UNAUTHORIZED),
        (NotAllowed("no"), Code.FORBIDDEN, Code.UNAUTHORIZED),
        (UnsupportedVersion("2.0"), *[Code.PRECONDITION_FAILED] * 2),
        (UnsupportedFormat(0), *[Code.UNSUPPORTED_CONTENT_FORMAT] * 2),
    ],
)
def test_a_refusal_costs_no_device_its_credentials(
    error: InvalidInput, code: Code, sparing: Code
) -> None:
    plain = answers.refusal(error, profiles.LWM2M_1_1)
    izuma = answers.refusal(error, profiles.IZUMA)
    assert (plain.code, izuma.code) == (code, sparing)
    assert plain.payload == izuma.payload == str(error).encode()


@pytest.mark.parametrize("profile", WAITING)
@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(60_000, 60), (59_001, 60), (1, 1), (0, 1)]
)
def test_a_hold_says_how_long_and_is_not_kept(
    profile: Profile, milliseconds: int, seconds: int
) -> None:
    answer = answers.held(milliseconds, profile)
    assert answer is not None
    assert answer.code == Code.TOO_MANY_REQUESTS
    assert answer.options == ((Option.MAX_AGE, bytes([seconds])),)
    assert not answer.keep


@pytest.mark.parametrize("profile", DEAF)
def test_whom_it_would_mislead_hears_nothing(profile: Profile) -> None:
    assert answers.held(60_000, profile) is None
    assert answers.unavailable(profile) is None


def test_while_the_store_is_away_others_are_asked_to_wait() -> None:
    answer = answers.unavailable(profiles.LWM2M_1_0)
    assert answer is not None
    assert answer.code == Code.SERVICE_UNAVAILABLE
    assert answer.options[0][0] == Option.MAX_AGE
    assert not answer.keep


def test_a_registration_is_answered_with_its_location_alone() -> None:
    answer = answers.created(("rd", "1"))
    assert answer.options == (
        (Option.LOCATION_PATH, b"rd"),
        (Option.LOCATION_PATH, b"1"),
    )
    assert answer.payload == b""
