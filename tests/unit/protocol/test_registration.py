"""Registers and Updates are read alike, whichever client wrote them."""

import pytest

from homeport import names
from homeport.errors import (
    InvalidFormat,
    InvalidInput,
    InvalidName,
    InvalidParameter,
    UnsupportedFormat,
    UnsupportedVersion,
)
from homeport.protocol import profiles, registration
from homeport.protocol.profiles import Profile
from homeport.protocol.registration import (
    FixedLocation,
    RegisterRequest,
    UpdateRequest,
)

ACCOUNT = names.AccountId("0158778f9f1002420a014c1100000000")
DEVICE = names.DeviceId("0199999999990000000000010010aaaa")
PLAIN = ("ep=wakaama1", "lwm2m=1.1", "b=U", "lt=60")
LINKS = b"</1/1>,</3/0>"


def register(
    *queries: str,
    payload: bytes = LINKS,
    content_format: int | None = 40,
    profile: Profile = profiles.LWM2M_1_1,
) -> RegisterRequest:
    return registration.parse_register(
        queries, payload=payload, content_format=content_format, profile=profile
    )


def update(
    *queries: str, payload: bytes = b"", content_format: int | None = 40
) -> UpdateRequest:
    return registration.parse_update(
        queries, payload=payload, content_format=content_format
    )


def changed(name: str, query: str) -> tuple[str, ...]:
    """Return the baseline with one parameter changed or added."""
    return (*(each for each in PLAIN if not each.startswith(f"{name}=")), query)


def test_a_plain_register_says_all_of_itself() -> None:
    asked = register(*PLAIN)
    assert asked == RegisterRequest(
        endpoint_name=names.parse_endpoint_name("wakaama1"),
        account=None,
        lifetime=60,
        binding="U",
        queue_mode=False,
        version="1.1",
        endpoint_type="",
        parameters={},
        structure={"/1/1": {}, "/3/0": {}},
    )


def test_an_izuma_register_names_account_and_client() -> None:
    asked = register(
        "ep=01700000000000000000000000000001",
        "et=default",
        "lt=7200",
        "lwm2m=1.0",
        f"d={ACCOUNT}",
        "b=UQ",
        f"aid={ACCOUNT}",
        f"iep={DEVICE}",
        "mccv=4.13.2",
        payload=b"</3/0/17>;obs,</14/2>;d",
        profile=profiles.IZUMA,
    )
    assert asked.account == ACCOUNT
    assert asked.queue_mode
    assert asked.endpoint_type == "default"
    assert asked.parameters == {"d": ACCOUNT, "iep": DEVICE, "mccv": "4.13.2"}
    assert list(asked.structure) == ["/3/0/17"]


def test_the_order_of_parameters_does_not_matter() -> None:
    assert register(*reversed(PLAIN)) == register(*PLAIN)


def test_unknown_parameters_are_kept() -> None:
    assert register(*PLAIN, "color=red", "flag").parameters == {
        "color": "red",
        "flag": "",
    }


def test_a_telephone_number_and_profile_ids_are_kept() -> None:
    asked = register("ep=x", "lwm2m=1.2", "sms=+491701234567", "pid=1,4")
    assert asked.parameters == {"sms": "+491701234567", "pid": "1,4"}


def test_a_bare_q_means_nothing_to_lwm2m_1_0_and_is_kept() -> None:
    assert register("ep=x", "lwm2m=1.0", "Q").parameters == {"Q": ""}
    assert not register("ep=x", "lwm2m=1.0", "Q").queue_mode
    assert register("ep=x", "lwm2m=1.1", "Q").parameters == {}


def test_what_is_missing_has_its_default() -> None:
    asked = register("ep=x")
    assert (asked.lifetime, asked.binding, asked.version) == (86_400, "U", "1.0")


def test_a_missing_endpoint_name_is_none() -> None:
    assert register("lt=60").endpoint_name is None


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_bad_endpoint_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        register(*changed("ep", f"ep={name}"))


def test_an_account_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidName, match="account id"):
        register(*PLAIN, "aid=me")


@pytest.mark.parametrize("lifetime", [1, 60, 2**31])
def test_a_lifetime_is_taken_as_sent(lifetime: int) -> None:
    assert register(*changed("lt", f"lt={lifetime}")).lifetime == lifetime


@pytest.mark.parametrize(
    "text", ["", "-1", "+5", "1.5", "x", "٣", str(2**31 + 1), "9" * 5000]
)
def test_a_lifetime_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="lt "):
        register(*changed("lt", f"lt={text}"))


def test_a_lifetime_of_zero_is_for_ever_from_1_1_on() -> None:
    assert register(*changed("lt", "lt=0")).lifetime == registration.LONGEST_LIFETIME
    with pytest.raises(InvalidParameter, match="lt "):
        register("ep=x", "lwm2m=1.0", "lt=0")


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_the_versions_that_we_speak_are_accepted(version: str) -> None:
    assert register(*changed("lwm2m", f"lwm2m={version}")).version == version


@pytest.mark.parametrize("version", ["", "1", "1.3", "2.0", "text"])
def test_any_other_version_is_unsupported(version: str) -> None:
    with pytest.raises(UnsupportedVersion):
        register(*changed("lwm2m", f"lwm2m={version}"))


@pytest.mark.parametrize(
    ("version", "binding"),
    [
        *(("1.0", binding) for binding in ("U", "UQ", "S", "SQ", "US", "UQS")),
        *(("1.1", binding) for binding in ("U", "T", "UT", "SN", "UTSNMH")),
        ("1.2", "MH"),
    ],
)
def test_a_binding_of_the_version_is_accepted(version: str, binding: str) -> None:
    asked = register("ep=x", f"lwm2m={version}", f"b={binding}")
    assert asked.binding == binding


@pytest.mark.parametrize(
    ("version", "binding"),
    [
        *(("1.0", binding) for binding in ("", "T", "UT", "SU", "Q", "u")),
        *(("1.1", binding) for binding in ("", "UQ", "Q", "UU", "UX", "u")),
    ],
)
def test_a_binding_of_another_version_is_refused(version: str, binding: str) -> None:
    with pytest.raises(InvalidParameter, match="b is no binding"):
        register("ep=x", f"lwm2m={version}", f"b={binding}")


@pytest.mark.parametrize(
    ("queries", "sleeps"),
    [
        (("lwm2m=1.0", "b=UQ"), True),
        (("lwm2m=1.0", "b=U"), False),
        (("lwm2m=1.1", "Q"), True),
        (("lwm2m=1.2", "b=UT", "Q"), True),
        (("lwm2m=1.1",), False),
    ],
)
def test_queue_mode_is_in_the_binding_or_beside_it(
    queries: tuple[str, ...], *, sleeps: bool
) -> None:
    assert register("ep=x", *queries).queue_mode is sleeps


@pytest.mark.parametrize(
    "twice", ["ep=y", "lt=60", "lwm2m=1.1", "b=U"], ids=lambda query: query[:2]
)
def test_a_parameter_that_stands_twice_is_refused(twice: str) -> None:
    with pytest.raises(InvalidParameter, match="twice"):
        register(*PLAIN, twice)


@pytest.mark.parametrize("payload", [b"", b'</>;rt="oma.lwm2m"', b"</fw>"])
def test_a_register_without_an_object_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidFormat, match="no object"):
        register(*PLAIN, payload=payload)


def test_a_payload_that_is_no_link_format_is_refused() -> None:
    with pytest.raises(InvalidFormat):
        register(*PLAIN, payload=b"hello")


def test_a_missing_content_format_is_tolerated() -> None:
    assert register(*PLAIN, content_format=None) == register(*PLAIN)


@pytest.mark.parametrize("content_format", [0, 50, 11542])
def test_any_other_content_format_is_unsupported(content_format: int) -> None:
    with pytest.raises(UnsupportedFormat):
        register(*PLAIN, content_format=content_format)
    with pytest.raises(UnsupportedFormat):
        update(payload=LINKS, content_format=content_format)


def test_an_update_that_says_nothing_changes_nothing() -> None:
    assert update() == UpdateRequest(None, None, False, None, None, {})


def test_an_update_changes_what_it_says() -> None:
    asked = update("et=default", "lt=120", "b=UQ", payload=b"</9/0>")
    assert (asked.endpoint_type, asked.lifetime, asked.binding) == (
        "default",
        120,
        "UQ",
    )
    assert asked.links is not None
    assert [link.target for link in asked.links] == ["/9/0"]


@pytest.mark.parametrize(
    ("queries", "version", "rebound"),
    [
        ((), "1.1", None),
        (("lt=60",), "1.1", None),
        (("b=UQ",), "1.0", ("UQ", True)),
        (("b=U",), "1.0", ("U", False)),
        (("Q",), "1.0", None),
        (("Q",), "1.1", ("", True)),
        (("b=U",), "1.1", ("U", False)),
        (("b=UT", "Q"), "1.2", ("UT", True)),
    ],
)
def test_binding_and_queue_mode_of_an_update_mean_what_the_version_says(
    queries: tuple[str, ...], version: str, rebound: tuple[str, bool] | None
) -> None:
    assert registration.rebound(update(*queries), version) == rebound


def test_a_binding_of_another_version_is_refused_in_an_update_too() -> None:
    with pytest.raises(InvalidParameter, match="b is no binding"):
        registration.rebound(update("b=UQ"), "1.1")


@pytest.mark.parametrize(
    ("queries", "payload", "renews"),
    [
        ((), b"", True),
        (("et=default", "lt=120"), b"", True),
        (("b=U",), b"", False),
        (("Q",), b"", False),
        (("sms=491701234567",), b"", False),
        ((), b"</9/0>", False),
    ],
)
def test_an_update_that_only_renews_needs_no_registration_to_be_understood(
    queries: tuple[str, ...], payload: bytes, *, renews: bool
) -> None:
    assert update(*queries, payload=payload).only_renews is renews


def test_links_are_a_delta_or_all_of_it_by_the_profile() -> None:
    stored, links = {"/1/0": {}}, update(payload=b"</9/0>").links
    assert links is not None
    merged = registration.restructured(stored, links, profiles.IZUMA)
    replaced = registration.restructured(stored, links, profiles.LWM2M_1_1)
    assert (list(merged), list(replaced)) == (["/1/0", "/9/0"], ["/9/0"])


@pytest.mark.parametrize("query", ["lt=-1", "lt=x", f"lt={2**31 + 1}"])
def test_an_update_with_a_bad_lifetime_is_refused(query: str) -> None:
    with pytest.raises(InvalidParameter):
        update(query)


def test_an_update_that_breaks_off_is_refused() -> None:
    with pytest.raises(InvalidInput):
        update(payload=b"</9/0")


@pytest.mark.parametrize("fixed", [True, False])
def test_a_location_leads_back(*, fixed: bool) -> None:
    made = names.new_registration_id(DEVICE)
    path = registration.location(ACCOUNT, DEVICE, made, fixed=fixed)
    expected = FixedLocation(ACCOUNT, DEVICE) if fixed else made
    assert registration.parse_location(path) == expected


@pytest.mark.parametrize(
    "path",
    [(), ("rd",), ("rd", "x"), ("dr", "a" * 48), ("rd", ACCOUNT, "x"), ("rd",) * 4],
)
def test_any_other_path_leads_to_no_registration(path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidName):
        registration.parse_location(path)
