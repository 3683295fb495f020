"""What devices say when they ask tells who they are and how to write to them."""

import pytest

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Option
from homeport.errors import InvalidName, InvalidParameter
from homeport.protocol import bootstrap_requests, profiles
from homeport.protocol.profiles import Profile
from tests.support.captures import captures

ACCOUNT = names.AccountId("000000000000000000000000deadbeef")
DEVICE = names.DeviceId("0199999999990000000000010010aaaa")


@pytest.mark.parametrize(
    ("capture", "profile", "endpoint_name"),
    [
        (
            "izuma-nosec-lwm2m",
            profiles.IZUMA,
            "01865aa7c8d8da55134c38ba03c00000",
        ),
        (
            "izuma-standard-bootstrap",
            profiles.IZUMA_STANDARD,
            "01865aa7c8d8da55134c38ba03c00000",
        ),
        (
            "izuma-udp-bootstrap-est",
            profiles.IZUMA,
            "01865aa7c8d8da55134c38ba03c00000",
        ),
        ("wakaama-nosec-bootstrap", profiles.LWM2M_1_1, "wakaama1"),
        ("wakaama-psk-bootstrap", profiles.LWM2M_1_1, "wakaama2"),
        ("leshan-x509-bootstrap", profiles.LWM2M_1_1, "leshan3"),
        ("anjay-x509-bootstrap", profiles.LWM2M_1_1, "anjay5"),
        ("leshan-nosec-bootstrap", profiles.LWM2M_1_1, "leshan1"),
        ("anjay-nosec-bootstrap", profiles.LWM2M_1_1, "anjay1"),
    ],
)
def test_a_captured_request_tells_its_client(
    capture: str, profile: Profile, endpoint_name: str
) -> None:
    messages = [codec.decode(each.datagram) for each in captures()[capture]]
    message = next(each for each in messages if each.path == ("bs",))
    request = bootstrap_requests.parse(
        message.queries, has_max_age=message.value(Option.MAX_AGE) is not None
    )
    assert request.profile is profile
    assert request.endpoint_name == endpoint_name


def test_a_request_without_version_and_format_is_one_of_lwm2m_1_0() -> None:
    request = bootstrap_requests.parse(("ep=x",), has_max_age=False)
    assert request.profile is profiles.LWM2M_1_0


def test_a_request_names_account_and_device() -> None:
    request = bootstrap_requests.parse(
        ("ep=x", f"aid={ACCOUNT.upper()}", f"iep={DEVICE}", "mccv=4.13.2"),
        has_max_age=True,
    )
    assert (request.account, request.iep) == (ACCOUNT, DEVICE)
    assert request.profile == profiles.again(profiles.IZUMA)


def test_a_request_may_name_nothing() -> None:
    request = bootstrap_requests.parse((), has_max_age=False)
    assert request.endpoint_name is None
    assert request.account is None
    assert request.iep is None


def test_an_iep_that_is_none_counts_as_absent() -> None:
    assert bootstrap_requests.parse(("iep=me",), has_max_age=False).iep is None


@pytest.mark.parametrize(
    ("queries", "error"),
    [
        (("ep=" + "x" * 65,), InvalidName),
        (("ep=x", "aid=me"), InvalidName),
        (("ep=x", "ep=y"), InvalidParameter),
    ],
)
def test_a_request_with_a_bad_name_is_refused(
    queries: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        bootstrap_requests.parse(queries, has_max_age=False)


@pytest.mark.parametrize(
    ("queries", "content_format"),
    [
        (("ep=x",), 11542),
        (("ep=x", "pct=11542"), 11542),
        (("pct=110", "ep=x"), 110),
        (("ep=x", "pct=112"), 112),
        (("ep=x", "pct=11544"), 11544),
    ],
)
def test_a_device_may_prefer_a_format(
    queries: tuple[str, ...], content_format: int
) -> None:
    request = bootstrap_requests.parse(queries, has_max_age=False)
    assert request.content_format == content_format


@pytest.mark.parametrize("preferred", ["", "0", "40", "60", "0110", "+112", "senml"])
def test_a_format_that_writes_cannot_have_is_refused(preferred: str) -> None:
    with pytest.raises(InvalidParameter, match="110, 112, 11542, 11544") as raised:
        bootstrap_requests.parse(("ep=x", f"pct={preferred}"), has_max_age=False)
    assert len(str(raised.value)) <= 64


def test_who_asks_for_all_at_once_speaks_lwm2m_1_2() -> None:
    request = bootstrap_requests.parse_pack(("ep=x",), accept=None)
    assert request.profile is profiles.LWM2M_1_2
    assert (request.content_format, request.packed) == (112, True)
    request = bootstrap_requests.parse_pack(("ep=x",), accept=11544)
    assert request.content_format == 11544
