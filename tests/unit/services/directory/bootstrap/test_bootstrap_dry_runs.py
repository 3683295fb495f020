"""A dry run shows what a device would be asked, and nothing that is secret."""

from typing import Any

import pytest

from homeport import names
from homeport.identity import Service
from homeport.names import AccountId, EndpointName
from homeport.protocol.configurations import Configuration, Instance
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path
from homeport.protocol.resources import Now
from services.directory.bootstrap import bootstrap_dry_runs
from services.directory.bootstrap.bootstrap_configuration_bodies import DryRunBody
from services.directory.bootstrap.bootstrap_dry_runs import Handovers

ACCOUNT = AccountId("a" * 32)
METER = EndpointName("meter")
DEVICE = names.device_id(ACCOUNT, METER)
ADDRESSES = {
    Service.BOOTSTRAP: "coaps://bootstrap.example:5784",
    Service.LWM2M: "coaps://lwm2m.example:5684",
}


def play(
    configuration: Configuration | None = None, *, enrolls: bool = False, **said: Any
) -> dict[str, Any]:
    return bootstrap_dry_runs.play(
        DryRunBody(endpoint_name=METER, **said),
        configuration or Configuration(),
        CORE,
        handovers=Handovers(ADDRESSES, "coap://lwm2m.example:5683", 300, enrolls),
        device=(ACCOUNT, DEVICE),
        now=1_800_000_000,
    )


def values(played: dict[str, Any], path: str) -> dict[str, Any]:
    (found,) = [each for each in played["requests"] if each["path"] == path]
    shown: dict[str, Any] = found["values"]
    return shown


@pytest.mark.parametrize("pct", [110, 112, 11542, 11544])
def test_a_device_is_shown_what_it_is_written_in_its_format(pct: int) -> None:
    played = play(pct=pct)
    assert values(played, "/1/1") == {
        "/1/1/0": 1,
        "/1/1/1": 300,
        "/1/1/6": False,
        "/1/1/7": "U",
    }
    written = [each for each in played["requests"] if "values" in each]
    assert {each["content_format"] for each in written} == {pct}


@pytest.mark.parametrize(
    ("means", "uri", "credential"),
    [
        ("nosec", "coap://lwm2m.example:5683", ["", "", ""]),
        (
            "psk",
            "coaps://lwm2m.example:5684",
            ["issued at bootstrap", "", "***"],
        ),
        (
            "certificate",
            "coaps://lwm2m.example:5684",
            ["issued at bootstrap", "issued at bootstrap", "***"],
        ),
        (
            "developer",
            "coaps://lwm2m.example:5684",
            ["issued at bootstrap", "issued at bootstrap", "***"],
        ),
    ],
)
def test_credentials_are_named_and_not_shown(
    means: str, uri: str, credential: list[str]
) -> None:
    shown = values(play(means=means), "/0/1")
    assert shown["/0/1/0"] == uri
    assert [shown[f"/0/1/{number}"] for number in (3, 4, 5)] == credential


def test_an_izuma_device_may_have_to_enroll() -> None:
    played = play(enrolls=True, device_profile="izuma")
    written, finish = played["requests"]
    assert (written["values"]["/0/0/2"], written["values"]["/0/0/5"]) == (4, "")
    assert finish == {"method": "POST", "path": "/bs", "queries": [f"iep={DEVICE}"]}


def test_a_clock_is_shown_as_it_would_be_set_now() -> None:
    clock = Instance(Path((3, 0)), {Path((13,)): Now()})
    played = play(Configuration(id="1", instances=(clock,)))
    assert values(played, "/3/0") == {"/3/0/13": 1_800_000_000}
    assert played["configuration_id"] == "1"


def test_all_at_once_is_in_a_format_that_can_say_it() -> None:
    offered = Configuration(offers_pack=True)
    for pct, content_format in ((11542, 112), (110, 110)):
        (fetched,) = play(offered, bootstrap_pack=True, pct=pct)["requests"]
        assert fetched["content_format"] == content_format
    assert play(bootstrap_pack=True)["device_profile"] == "lwm2m-1.2"
