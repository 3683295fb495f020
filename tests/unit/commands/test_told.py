"""What devices tell is shown by the names of resources, or as it came."""

import base64
from typing import Any

import pytest

from homeport.client.notifications import Payload
from homeport.commands import told
from homeport.protocol import tlv
from homeport.protocol.tlv import Resource
from tests.support.api import ScriptedApi

TLV = "application/vnd.oma.lwm2m+tlv"
OWN = {
    "path": "/26241/0/1",
    "time": "2026-11-25T12:00:00.000000Z",
    "payload": "MTU=",
    "values": {"/26241/0/1": 15},
}


def payload(content: bytes, ct: str = "text/plain") -> Payload:
    return Payload(payload=base64.b64encode(content).decode(), ct=ct)


async def decode(api: ScriptedApi, path: str, said: Payload) -> Any:
    async with api.async_client() as client:
        return await told.decode(client, "1", path, said)


@pytest.mark.parametrize(
    ("path", "said", "values"),
    [
        ("/3/0/9", payload(b"97"), {"/3/0/9": 97}),
        ("/3/0/9", payload(b"97", ""), {"/3/0/9": 97}),
        ("/3303/0/5700", payload(b"21.5"), {"/3303/0/5700": 21.5}),
        (
            "/3/0",
            payload(tlv.encode([Resource(0, b"A"), Resource(9, b"\x61")]), TLV),
            {"/3/0/0": "A", "/3/0/9": 97},
        ),
        (
            "/3/0/0",
            payload(b'[{"n":"/3/0/0","vs":"A"}]', "application/senml+json"),
            {"/3/0/0": "A"},
        ),
        ("/5/0/0", payload(b"\0\1", "application/octet-stream"), {"/5/0/0": "AAE="}),
        ("/3/0/9", payload(b"much"), None),
        ("/3/0/9", payload(b"97", "image/png"), None),
        ("/sensor", payload(b"97"), None),
    ],
)
async def test_values_are_decoded_by_their_objects(
    api: ScriptedApi, path: str, said: Payload, values: Any
) -> None:
    assert await decode(api, path, said) == values
    assert api.asked == []


async def test_of_an_accounts_own_object_the_api_knows_more(api: ScriptedApi) -> None:
    api.will_answer(OWN)
    assert await decode(api, "/26241/0/1", payload(b"15")) == {"/26241/0/1": 15}
    assert api.asked == [("GET", "/v2/values/1/26241/0/1")]


@pytest.mark.parametrize(
    "answer",
    [
        {"body": OWN | {"payload": "MTY="}},
        {"body": OWN | {"values": None}},
        {"status": 404, "text": "VALUE_NOT_FOUND"},
    ],
)
async def test_what_the_api_does_not_know_is_read_as_far_as_we_can(
    api: ScriptedApi, answer: Any
) -> None:
    api.will_answer(**answer)
    assert await decode(api, "/26241/0/1", payload(b"15")) == {"/26241/0/1": "15"}


def test_values_are_shown_with_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"/3/0/0": "A\x1b[1m", "/3/0/13": 1_767_225_600, "/26241/0/1": True}
    told.show(payload(b""), values)
    rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [[each.strip() for each in row if each.strip()] for row in rows] == [
        ["/3/0/0", "Manufacturer", "A\N{REPLACEMENT CHARACTER}[1m"],
        ["/3/0/13", "Current Time", "2026-01-01T00:00:00Z"],
        ["/26241/0/1", "yes"],
    ]


def test_links_are_shown_with_what_is_said_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    links = b'</3/0/9>;pmin=5;obs,</3/0/0>;rt="a b"'
    told.show(payload(links, told.LINKS), {"/3/0/9": None})
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["/3/0/9", "pmin=5", "obs"],
        ["/3/0/0", "rt=a", "b"],
    ]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (payload(b"warm"), "warm"),
        (payload(b"\xff", "image/png"), "image/png in base64: /w=="),
        (payload(b"\xff", ""), "unknown in base64: /w=="),
        (payload(b"<>;", told.LINKS), "<>;"),
    ],
)
def test_what_cannot_be_read_is_shown_as_it_came(
    said: Payload, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told.show(said, None)
    assert capsys.readouterr().out.strip() == shown
    assert told.line(said, None) == shown


def test_a_line_names_paths_where_there_are_several() -> None:
    said = payload(b"")
    assert told.line(said, {"/3/0/9": 97}) == "97"
    assert told.line(said, {"/3/0/9": 97, "/3/0/14": "Z"}) == "/3/0/9=97  /3/0/14=Z"


def test_a_time_that_is_none_is_shown_as_the_number_that_it_is() -> None:
    assert told.line(payload(b""), {"/3/0/13": 1 << 62}) == str(1 << 62)
