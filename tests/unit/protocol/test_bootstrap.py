"""Each client is asked what it understands, one thing after another."""

from collections.abc import Sequence
from typing import Any

import pytest

from homeport import names
from homeport.errors import InvalidValue
from homeport.protocol import bootstrap, profiles, tlv
from homeport.protocol.bootstrap import (
    Ask,
    BootstrapSession,
    CertificateNeeded,
    Enrolling,
    Failed,
    Finished,
    Method,
    Reached,
)
from homeport.protocol.configurations import Configuration, Instance
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record
from homeport.protocol.handover import Certificate, Enrollment, Handover, NoSec
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path
from homeport.protocol.plans import Plan
from homeport.protocol.profiles import Profile
from homeport.protocol.tlv import ObjectInstance, Resource

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


def begin(
    profile: Profile,
    content_format: int = tlv.CONTENT_FORMAT,
    *,
    handover: Handover = HANDOVER,
    **wanted: Any,
) -> BootstrapSession:
    plan = Plan(profile, handover, Configuration(**wanted))
    return bootstrap.begin(plan, content_format)


def play(
    profile: Profile, *answers: tuple[str, bytes], content_format: int = 11542
) -> tuple[list[Ask], Reached]:
    """Answer one ask after another; return what was asked, and what came of it."""
    return goes_on(begin(profile, content_format), *answers)


def goes_on(state: Reached, *answers: tuple[str, bytes]) -> tuple[list[Ask], Reached]:
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
    ask = begin(profiles.IZUMA).ask
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
    assert server.payload == bytes.fromhex("c10001 c201012c c10600 c10755")


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
    session = begin(profiles.IZUMA)
    assert session.unanswered("was not answered") == Failed(
        "PUT /0", "", "was not answered"
    )


def test_a_device_that_enrolls_is_told_its_id_and_has_not_finished_yet() -> None:
    written = begin(profiles.IZUMA, handover=ENROLLING).answered("2.04", b"")
    assert isinstance(written, BootstrapSession)
    assert written.ask == Ask(Method.POST, ("bs",), queries=(f"iep={DEVICE}",))
    enrolling = written.answered("2.04", b"")
    assert enrolling == Enrolling()


def test_a_device_that_does_not_enroll_has_failed_there() -> None:
    assert Enrolling().unanswered("nothing came") == Failed(
        "POST /est/sen", "", "nothing came"
    )


def enrolling(*answers: tuple[str, bytes]) -> Reached:
    _, reached = goes_on(begin(profiles.IZUMA, handover=ENROLLING), *answers)
    return reached


def test_a_device_that_can_not_enroll_is_written_a_certificate_instead() -> None:
    needed = enrolling(("4.00", b"Unknown security mode"))
    assert isinstance(needed, CertificateNeeded)
    handed = needed.handed(Certificate(b"own", b"CA", b"key"))
    (written, finish), outcome = goes_on(handed, *said("2.04", "2.04"))
    (instance,) = tlv.decode(written.payload)
    assert isinstance(instance, ObjectInstance)
    assert instance.resources[2:6] == (
        Resource(2, b"\x02"),
        Resource(3, b"own"),
        Resource(4, b"CA"),
        Resource(5, b"key"),
    )
    assert finish.queries == ()
    assert outcome == Finished()


def test_a_device_that_takes_no_certificate_either_has_failed() -> None:
    needed = enrolling(("4.00", b""))
    assert isinstance(needed, CertificateNeeded)
    handed = needed.handed(Certificate(b"own", b"CA", b"key"))
    assert handed.answered("4.00", b"no") == Failed("PUT /0", "4.00", "no")


@pytest.mark.parametrize("content_format", [110, 112, 11542, 11544])
@pytest.mark.conforms("C-015", "B-191", "1.1 pct", "Leshan BootstrapTest")
def test_a_device_is_written_to_in_the_format_that_it_prefers(
    content_format: int,
) -> None:
    answers = said(*["2.04"] * 5)
    asked, outcome = play(profiles.LWM2M_1_2, *answers, content_format=content_format)
    security, server = asked[2:4]
    for ask, base in ((security, Path((0, 1))), (server, Path((1, 1)))):
        assert ask.content_format == content_format
        records = codecs.decode(
            content_format, ask.payload, base=base, definitions=CORE
        )
        assert records[0].path == (*base, 0)
    assert records[1] == Record(Path((1, 1, 1)), 300)
    assert outcome == Finished()


def test_whole_instances_are_said_in_tlv_whatever_is_preferred() -> None:
    assert begin(profiles.IZUMA, 112).ask.content_format == tlv.CONTENT_FORMAT


@pytest.mark.parametrize("code", ["4.15", "4.00"])
@pytest.mark.conforms("C-016", "Leshan BootstrapTest")
def test_a_device_that_cannot_read_the_format_is_written_tlv_once(code: str) -> None:
    asked, session = play(
        profiles.LWM2M_1_1,
        *said("2.02", "2.05", code, "2.04", code),
        content_format=112,
    )
    formats = [ask.content_format for ask in asked[2:]]
    assert [ask.name for ask in asked[2:]] == ["PUT /0/1", "PUT /0/1", "PUT /1/1"]
    assert formats == [112, 11542, 11542]
    assert session == Failed("PUT /1/1", code, "was refused")


WANTED = {
    "instances": (
        Instance(Path((3, 0)), {Path((14,)): "+02:00"}),
        Instance(Path((2, 7)), {Path((0,)): 3, Path((2, 1)): 15}),
    ),
    "reads": (Path((1,)), Path((2, 7))),
}


def test_what_an_account_wants_comes_before_the_finish() -> None:
    asked, _ = goes_on(begin(profiles.LWM2M_1_1, **WANTED), *said(*["2.04"] * 9))
    assert ", ".join(ask.name for ask in asked) == (
        "DELETE /, GET /, PUT /0/1, PUT /1/1, PUT /3/0, PUT /2/7, GET /1, GET /2/7, "
        "POST /bs"
    )


@pytest.mark.conforms("C-008", "ETS-8")
def test_what_was_read_is_kept_with_the_end() -> None:
    session = begin(profiles.LWM2M_1_1, 112, **WANTED)
    _, reading = goes_on(session, *said(*["2.04"] * 6))
    assert isinstance(reading, BootstrapSession)
    assert (reading.ask.name, reading.ask.accept) == ("GET /1", 112)
    read = bytes.fromhex("08 01 03 c1 01 3c")
    reading = reading.answered("2.05", read, tlv.CONTENT_FORMAT)
    _, outcome = goes_on(reading, ("4.04", b""), ("2.04", b""))
    assert outcome == Finished((Record(Path((1, 1, 1)), 60),))


@pytest.mark.parametrize("content_format", [None, 112, 60000])
def test_what_was_read_and_is_not_understood_is_nothing(
    content_format: int | None,
) -> None:
    session = begin(profiles.LWM2M_1_1, **WANTED)
    _, reading = goes_on(session, *said(*["2.04"] * 6))
    assert isinstance(reading, BootstrapSession)
    _, outcome = goes_on(
        reading.answered("2.05", b"\xff\xff", content_format), *said("4.05", "2.04")
    )
    assert outcome == Finished()


def test_a_device_that_enrolls_tells_what_was_read_as_well() -> None:
    session = begin(profiles.LWM2M_1_1, handover=ENROLLING, **WANTED)
    _, reading = goes_on(session, *said(*["2.04"] * 6))
    assert isinstance(reading, BootstrapSession)
    reading = reading.answered("2.05", b"\x08\x01\x03\xc1\x01\x3c", 11542)
    _, outcome = goes_on(reading, *said("4.04", "2.04"))
    assert outcome == Enrolling((Record(Path((1, 1, 1)), 60),))


def test_a_value_that_a_format_cannot_say_is_said_by_its_task() -> None:
    instance = Instance(Path((3, 0)), {Path((13,)): float("nan")})
    session = begin(profiles.LWM2M_1_1, instances=(instance,))
    _, written = goes_on(session, *said(*["2.04"] * 4))
    assert isinstance(written, BootstrapSession)
    assert written.name == "write instance"
    with pytest.raises(InvalidValue):
        _ = written.ask
