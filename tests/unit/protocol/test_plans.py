"""What a device is to be given is what its kind can take."""

from dataclasses import replace
from typing import Any

import pytest

from homeport import names
from homeport.errors import UnsupportedFormat
from homeport.identity import Means
from homeport.protocol import plans, profiles
from homeport.protocol.configurations import Configuration, Instance, ServerAccount
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record, Time
from homeport.protocol.handover import Handover, Mode, NoSec
from homeport.protocol.instances import NOTHING, Listing
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from homeport.protocol.plans import Plan, Task
from homeport.protocol.profiles import Profile, Step
from homeport.protocol.resources import Now

ACCOUNT = names.AccountId("000000000000000000000000deadbeef")
DEVICE = names.DeviceId("0199999999990000000000010010aaaa")
HANDOVER = Handover("coap://127.0.0.1:5683", 300, NoSec(), server_account=7)
OTHER = ServerAccount(
    2,
    {Path((0,)): "coaps://other.example:5684", Path((10,)): 2},
    {Path((0,)): 2, Path((1,)): 60},
)
CLOCK = Instance(Path((3, 0)), {Path((13,)): Now()})
ACL = Instance(Path((2, 0)), {Path((0,)): 3, Path((2, 7)): 15})
WANTED = Configuration(
    short_server_id=7,
    server={Path((1,)): 3600, Path((7,)): "UQ"},
    servers=(OTHER,),
    instances=(CLOCK, ACL),
    reads=(Path((1,)),),
)


def plan(profile: Profile, **changes: Any) -> Plan:
    return Plan(profile, HANDOVER, replace(WANTED, **changes), now=1_800_000_000)


def steps(made: Plan) -> list[tuple[Step, int]]:
    return [(task.step, task.number) for task in made.tasks]


def test_a_plain_client_gets_all_of_it() -> None:
    assert steps(plan(profiles.LWM2M_1_1)) == [
        (Step.DELETE, 0),
        (Step.DISCOVER, 0),
        (Step.WRITE_SECURITY, 0),
        (Step.WRITE_SECURITY, 1),
        (Step.WRITE_SERVER, 0),
        (Step.WRITE_SERVER, 1),
        (Step.WRITE_INSTANCE, 0),
        (Step.WRITE_INSTANCE, 1),
        (Step.READ, 0),
        (Step.FINISH, 0),
    ]
    assert plans.left_out(profiles.LWM2M_1_1, WANTED) == ()


def test_an_izuma_client_gets_what_it_has_room_for() -> None:
    assert plan(profiles.IZUMA).tasks == (
        Task(Step.WRITE_SECURITY),
        Task(Step.WRITE_SERVER),
        Task(Step.WRITE_INSTANCE, 0),
        Task(Step.FINISH),
    )
    assert plans.left_out(profiles.IZUMA, WANTED) == ("server 2", "/2/0", "GET /1")


def test_its_lifetime_stays_an_izuma_clients_own_unless_somebody_says_so() -> None:
    made = plan(profiles.IZUMA, server={}, instances=())
    assert made.tasks == (Task(Step.WRITE_SECURITY), Task(Step.FINISH))


def test_what_an_account_says_of_our_server_comes_before_what_everybody_gets() -> None:
    made = plan(profiles.LWM2M_1_1).server(0, NOTHING)
    assert {record.path: record.value for record in made} == {
        (1, 1, 0): 7,
        (1, 1, 1): 3600,
        (1, 1, 6): False,
        (1, 1, 7): "UQ",
    }


def test_every_server_has_an_instance_of_its_own_in_both_objects() -> None:
    made = plan(profiles.LWM2M_1_1)
    listing = Listing({0: "", 1: ""}, {0: "2"})
    assert made.security(0, listing)[0].path == (0, 2, 0)
    assert made.security(1, listing)[0].path == (0, 3, 0)
    assert made.server(0, listing)[0].path == (1, 1, 0)
    assert made.server(1, listing)[0].path == (1, 0, 0)


def test_a_clock_is_set_to_the_time_of_writing() -> None:
    assert plan(profiles.LWM2M_1_1).instance(0) == (
        Record(Path((3, 0, 13)), Time(1_800_000_000)),
    )


def test_a_pack_is_all_of_it() -> None:
    payload = plans.pack(plan(profiles.LWM2M_1_2), 112)
    records = codecs.decode(112, payload, base=ROOT, definitions=CORE)
    instances = dict.fromkeys(record.path[:2] for record in records)
    assert list(instances) == [(0, 1), (1, 1), (0, 2), (1, 2), (3, 0), (2, 0)]
    assert Record(Path((1, 2, 1)), 60) in records


def test_a_pack_has_to_be_in_a_format_that_names_objects() -> None:
    with pytest.raises(UnsupportedFormat):
        plans.pack(plan(profiles.LWM2M_1_2), 60000)


@pytest.mark.parametrize(
    ("profile", "means", "enrolls", "mode"),
    [
        (profiles.LWM2M_1_1, Means.NOTHING, True, Mode.NOSEC),
        (profiles.LWM2M_1_1, Means.SHARED_KEY, True, Mode.SHARED_KEY),
        (profiles.LWM2M_1_1, Means.CERTIFICATE, True, Mode.CERTIFICATE),
        (profiles.IZUMA, Means.SHARED_KEY, False, Mode.CERTIFICATE),
        (profiles.IZUMA, Means.DEVELOPER, True, Mode.ENROLLMENT),
        (profiles.IZUMA, Means.DEVELOPER, False, Mode.CERTIFICATE),
    ],
)
def test_how_a_device_is_secure_depends_on_its_kind_and_its_credential(
    profile: Profile, means: Means, *, enrolls: bool, mode: Mode
) -> None:
    assert plans.mode(profile, means, enrolls=enrolls) is mode


def test_only_an_izuma_client_gets_account_and_device_in_the_uri() -> None:
    base = "coap://[2001:db8::1]:5683"
    assert plans.server_uri(base, ACCOUNT, DEVICE, profiles.IZUMA) == (
        f"{base}?aid={ACCOUNT}&iep={DEVICE}"
    )
    assert plans.server_uri(base, ACCOUNT, DEVICE, profiles.LWM2M_1_1) == base
