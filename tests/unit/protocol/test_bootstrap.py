"""Each client is asked what it understands, one thing after another."""

from collections.abc import Sequence

import pytest

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Option
from homeport.errors import InvalidName, InvalidParameter
from homeport.protocol import bootstrap, profiles, tlv
from homeport.protocol.bootstrap import (
    Ask,
    BootstrapSession,
    Enrolling,
    Failed,
    Finished,
    Method,
)
from homeport.protocol.handover import Enrollment, Handover, NoSec
from homeport.protocol.profiles import Profile
from homeport.protocol.tlv import ObjectInstance, Resource
from tests.support.captures import captures

ACCOUNT = names.AccountId("000000000000000000000000deadbeef")
DEVICE = names.DeviceId("0199999999990000000000010010aaaa")
HANDOVER = Handover("coap://127.0.0.1:5683", 300, NoSec())
ENROLLING = Handover("coaps://127.0.0.1:5684", 300, Enrollment(DEVICE, b"CA"))
SECURITY = (
    Resource(0, b"coap://127.0.0.1:5683"),
    Resource(1, b"\x00"),
    Resource(2, b"\x03"),
    Resource(3, b""),
    Resource(4, b""),
    Resource(5, b""),
    Resource(10, b"\x01"),
)


def play(
    profile: Profile, *answers: tuple[str, bytes]
) -> tuple[list[Ask], BootstrapSession | Enrolling | Finished | Failed]:
    """Answer one ask after another; return what was asked, and what came of it."""
    state: BootstrapSession | Enrolling | Finished | Failed
    state = bootstrap.begin(profile, HANDOVER)
    asked = []
    for answer in answers:
        assert isinstance(state, BootstrapSession)
        asked.append(state.ask)
        state = state.answered(*answer)
    return asked, state


def said(*codes: str) -> Sequence[tuple[str, bytes]]:
    return [(code, b"") for code in codes]


@pytest.mark.parametrize(
    ("profile", "steps"),
    [
        (profiles.IZUMA, "PUT /0, POST /bs"),
        (profiles.IZUMA_STANDARD, "DELETE /, PUT /0/0, PUT /1/0, POST /bs"),
        (profiles.LWM2M_1_0, "DELETE /, PUT /1/1, GET /, PUT /0/1, POST /bs"),
        (profiles.LWM2M_1_1, "DELETE /, GET /, PUT /0/1, PUT /1/1, POST /bs"),
    ],
)
@pytest.mark.conforms("C-006", "C-024", "ETS-6", "BS-20")
def test_a_client_that_answers_everything_has_finished(
    profile: Profile, steps: str
) -> None:
    asked, outcome = play(profile, *said(*["2.04"] * len(steps.split(", "))))
    assert ", ".join(ask.name for ask in asked) == steps
    assert outcome == Finished()


@pytest.mark.parametrize("profile", profiles.PROFILES.values())
@pytest.mark.conforms("C-014", "PEER-1")
def test_the_root_path_has_no_segments(profile: Profile) -> None:
    asked, _ = play(profile, *said("2.02", "2.05"))
    assert all("" not in ask.path for ask in asked)


@pytest.mark.conforms("C-023", "B-027", "COAP-18")
def test_an_izuma_client_gets_an_instance_in_512_byte_blocks() -> None:
    ask = bootstrap.begin(profiles.IZUMA, HANDOVER).ask
    assert ask == Ask(
        Method.PUT,
        ("0",),
        content_format=tlv.CONTENT_FORMAT,
        payload=tlv.encode([ObjectInstance(0, SECURITY)]),
        szx=5,
    )


def test_any_other_client_gets_resources() -> None:
    asked, _ = play(profiles.LWM2M_1_0, *said("2.02", "2.04", "4.04", "2.04"))
    _, server, _, security = asked
    assert tlv.decode(security.payload) == SECURITY
    assert server.payload == bytes.fromhex("c10001 c4010000012c c10600 c10755")


@pytest.mark.parametrize(
    ("links", "security", "server"),
    [
        (b"</>;lwm2m=1.1,</0/0>,</1/0>;ssid=123", "/0/1", "/1/1"),
        (b'</>;lwm2m=1.2,</0/1>;uri="coap://127.0.0.1:5785",</1>', "/0/2", "/1/1"),
        (b"</0/1>,</0/2>,</1/1>;ssid=9", "/0/3", "/1/2"),
        (b"", "/0/1", "/1/1"),
        (b"no links", "/0/1", "/1/1"),
    ],
)
@pytest.mark.conforms("C-012", "B-190")
def test_instances_are_those_that_the_device_leaves_free(
    links: bytes, security: str, server: str
) -> None:
    asked, _ = play(
        profiles.LWM2M_1_1,
        ("2.02", b""),
        ("2.05", links),
        *said("2.04", "2.04"),
    )
    assert [ask.name for ask in asked[2:]] == [f"PUT {security}", f"PUT {server}"]


def test_a_client_of_lwm2m_1_0_keeps_its_bootstrap_account() -> None:
    listed = b'lwm2m="1.0",</0>,</0/1>,</1>,</1/1>;ssid=1,</3>,</3/0>'
    asked, _ = play(
        profiles.LWM2M_1_0,
        ("2.02", b""),
        ("2.04", b""),
        ("2.05", listed),
        ("2.04", b""),
    )
    assert asked[-1].name == "PUT /0/2"


@pytest.mark.parametrize("code", ["4.04", "4.05", "5.00"])
@pytest.mark.conforms("C-013", "COAP-15")
def test_a_client_that_cannot_be_discovered_goes_on(code: str) -> None:
    asked, outcome = play(
        profiles.LWM2M_1_1, *said("2.02", code, "2.04", "2.04", "2.04")
    )
    assert [ask.name for ask in asked[2:4]] == ["PUT /0/1", "PUT /1/1"]
    assert outcome == Finished()


def test_a_client_that_is_silent_when_discovered_goes_on() -> None:
    _, session = play(profiles.LWM2M_1_1, ("2.02", b""))
    assert isinstance(session, BootstrapSession)
    going_on = session.unanswered("was not answered")
    assert isinstance(going_on, BootstrapSession)
    assert going_on.ask.name == "PUT /0/1"


@pytest.mark.parametrize(
    ("profile", "answers", "failed"),
    [
        (
            profiles.IZUMA,
            [("4.00", b"Unknown security mode")],
            Failed("PUT /0", "4.00", "Unknown security mode"),
        ),
        (
            profiles.LWM2M_1_0,
            [("2.02", b""), ("4.15", b"")],
            Failed("PUT /1/1", "4.15", "was refused"),
        ),
        (
            profiles.IZUMA,
            [("2.04", b""), ("4.06", b"inconsistent\x00\n")],
            Failed("POST /bs", "4.06", "inconsistent"),
        ),
        (
            profiles.LWM2M_1_0,
            [("4.05", b"")],
            Failed("DELETE /", "4.05", "was refused"),
        ),
    ],
)
@pytest.mark.conforms("C-009", "C-019", "ETS-9", "B-028")
def test_a_refusal_ends_the_attempt_and_is_named(
    profile: Profile, answers: list[tuple[str, bytes]], failed: Failed
) -> None:
    _, outcome = play(profile, *answers)
    assert outcome == failed


def test_a_long_reason_is_cut() -> None:
    _, outcome = play(profiles.IZUMA, ("4.00", b"x" * 1000))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "x" * 64


def test_silence_ends_the_attempt_without_a_code() -> None:
    session = bootstrap.begin(profiles.IZUMA, HANDOVER)
    assert session.unanswered("was not answered") == Failed(
        "PUT /0", "", "was not answered"
    )


def test_a_device_that_enrolls_is_told_its_id_and_has_not_finished_yet() -> None:
    written = bootstrap.begin(profiles.IZUMA, ENROLLING).answered("2.04", b"")
    assert isinstance(written, BootstrapSession)
    assert written.ask == Ask(Method.POST, ("bs",), queries=(f"iep={DEVICE}",))
    enrolling = written.answered("2.04", b"")
    assert enrolling == Enrolling()


def test_a_device_that_does_not_enroll_has_failed_there() -> None:
    assert Enrolling().unanswered("nothing came") == Failed(
        "POST /est/sen", "", "nothing came"
    )


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
    request = bootstrap.parse_request(
        message.queries, has_max_age=message.value(Option.MAX_AGE) is not None
    )
    assert request.profile is profile
    assert request.endpoint_name == endpoint_name


def test_a_request_without_version_and_format_is_one_of_lwm2m_1_0() -> None:
    request = bootstrap.parse_request(("ep=x",), has_max_age=False)
    assert request.profile is profiles.LWM2M_1_0


def test_a_request_names_account_and_device() -> None:
    request = bootstrap.parse_request(
        ("ep=x", f"aid={ACCOUNT.upper()}", f"iep={DEVICE}", "mccv=4.13.2"),
        has_max_age=True,
    )
    assert (request.account, request.iep) == (ACCOUNT, DEVICE)


def test_a_request_may_name_nothing() -> None:
    request = bootstrap.parse_request((), has_max_age=False)
    assert request.endpoint_name is None
    assert request.account is None
    assert request.iep is None


def test_an_iep_that_is_none_counts_as_absent() -> None:
    assert bootstrap.parse_request(("iep=me",), has_max_age=False).iep is None


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
        bootstrap.parse_request(queries, has_max_age=False)


def test_only_an_izuma_client_gets_account_and_device_in_the_uri() -> None:
    base = "coap://[2001:db8::1]:5683"
    assert bootstrap.server_uri(base, ACCOUNT, DEVICE, profiles.IZUMA) == (
        f"{base}?aid={ACCOUNT}&iep={DEVICE}"
    )
    assert bootstrap.server_uri(base, ACCOUNT, DEVICE, profiles.LWM2M_1_1) == base
