"""A device is known by its request, and its kind is data."""

from dataclasses import replace

import pytest

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option
from homeport.protocol import profiles
from homeport.protocol.profiles import Profile, Step
from tests.support.captures import captures


def recognize(*queries: str, has_max_age: bool = False) -> Profile:
    return profiles.recognize(queries, has_max_age=has_max_age)


def seen(message: Message) -> Profile:
    return profiles.recognize(
        message.queries, has_max_age=message.value(Option.MAX_AGE) is not None
    )


@pytest.mark.parametrize(
    ("queries", "profile"),
    [
        (("ep=x",), profiles.LWM2M_1_0),
        (("ep=x", "lwm2m=1.0"), profiles.LWM2M_1_0),
        (("ep=x", "lwm2m=1.1"), profiles.LWM2M_1_1),
        (("ep=x", "lwm2m=1.2", "Q"), profiles.LWM2M_1_2),
        (("ep=x", "lwm2m=new"), profiles.LWM2M_1_0),
        (("ep=x", "pct=112"), profiles.LWM2M_1_1),
        (("ep=x", "lwm2m=1.0", "mccv=4.13.2"), profiles.IZUMA),
        (("ep=x", "mccv=1.4.0-lite"), profiles.IZUMA),
        (("mccv=1", "ep=x", "ep=x"), profiles.IZUMA),
        (("mccvs=1",), profiles.LWM2M_1_0),
        ((), profiles.LWM2M_1_0),
    ],
)
def test_a_device_is_known_by_what_it_says(
    queries: tuple[str, ...], profile: Profile
) -> None:
    assert recognize(*queries) is profile


def test_only_izumas_clients_put_max_age_into_requests() -> None:
    assert recognize("ep=x", has_max_age=True) is profiles.IZUMA_STANDARD
    assert recognize("mccv=1", has_max_age=True) is profiles.IZUMA


def test_a_fixed_location_is_that_of_an_izuma_device() -> None:
    known = profiles.recognize((), has_max_age=False, has_fixed_location=True)
    assert known is profiles.IZUMA


def test_an_izuma_device_that_bootstraps_again_has_its_emptied_account_deleted() -> (
    None
):
    again = profiles.again(profiles.IZUMA)
    assert again.steps == (Step.DELETE, Step.WRITE_SECURITY, Step.FINISH)
    assert replace(again, steps=profiles.IZUMA.steps) == profiles.IZUMA
    assert profiles.again(profiles.LWM2M_1_1) is profiles.LWM2M_1_1


@pytest.mark.parametrize(
    ("capture", "profile"),
    [
        ("izuma-udp-bootstrap-certificate", profiles.IZUMA),
        ("izuma-tcp-bootstrap-certificate", profiles.IZUMA),
        ("izuma-standard-bootstrap", profiles.IZUMA_STANDARD),
        ("wakaama-psk-bootstrap", profiles.LWM2M_1_1),
        ("leshan-x509-bootstrap", profiles.LWM2M_1_1),
        ("anjay-queue-mode-1.0", profiles.LWM2M_1_0),
        ("anjay-queue-mode-1.1", profiles.LWM2M_1_1),
        ("anjay-queue-mode-1.2", profiles.LWM2M_1_2),
    ],
)
def test_every_captured_register_tells_its_device(
    capture: str, profile: Profile
) -> None:
    found = [
        message
        for sender, datagram in captures()[capture]
        if sender == "device"
        and (message := codec.decode(datagram)).code == Code.POST
        and message.path == ("rd",)
    ]
    assert found
    assert {seen(message).name for message in found} == {profile.name}


def test_a_profile_is_found_by_its_name() -> None:
    for profile in profiles.PROFILES.values():
        assert profiles.named(profile.name) is profile


def test_a_name_that_has_gone_means_the_plainest_client() -> None:
    assert profiles.named("toaster") is profiles.LWM2M_1_0
