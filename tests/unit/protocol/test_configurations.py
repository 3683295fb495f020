"""Of all configurations of an account one counts for a device, or none."""

import pytest

from homeport.names import EndpointName
from homeport.protocol import configurations, profiles
from homeport.protocol.configurations import Selector

METER = EndpointName("urn:dev:meter-17")


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("", True),
        ("*", True),
        ("urn:dev:meter-*", True),
        ("urn:dev:meter-??", True),
        ("*-17", True),
        ("URN:*", False),
        ("meter", False),
        ("urn:dev:meter-?", False),
        ("*" * 30 + "x", False),
    ],
)
def test_a_pattern_fits_whole_names(pattern: str, *, fits: bool) -> None:
    selector = Selector("1", endpoint_names=pattern)
    assert selector.fits(METER, profiles.LWM2M_1_1) is fits


def test_a_profile_has_to_be_one_that_is_meant() -> None:
    selector = Selector("1", profiles=("lwm2m-1.1", "lwm2m-1.2"))
    assert selector.fits(METER, profiles.LWM2M_1_2)
    assert not selector.fits(METER, profiles.IZUMA)


def test_the_highest_priority_counts_and_then_the_oldest() -> None:
    selectors = [
        Selector("late", 5, made=3),
        Selector("early", 5, made=2),
        Selector("low", 1, made=1),
        Selector("other", 9, endpoint_names="pump-*"),
    ]
    found = configurations.select(selectors, METER, profiles.LWM2M_1_1)
    assert found is not None
    assert found.id == "early"


def test_no_configuration_need_fit() -> None:
    selectors = [Selector("1", profiles=("izuma",))]
    assert configurations.select(selectors, METER, profiles.LWM2M_1_1) is None
    assert configurations.select([], METER, profiles.LWM2M_1_1) is None
