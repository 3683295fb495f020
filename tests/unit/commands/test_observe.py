"""`homeport observe` shows what a device tells, and leaves all as it was."""

import base64
import json
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner, Result

from homeport.client import AsyncClient
from homeport.commands import access
from homeport.commands.asking import NotDone
from homeport.commands.observe import observe
from tests.support.answers import ID, DeviceApi, response
from tests.support.api import KEY, URL

PATH = "/3303/0/5700"
SUBSCRIPTION = f"/v2/subscriptions/{ID}{PATH}"

cli = typer.Typer()
cli.command()(observe)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> DeviceApi:
    made = DeviceApi(response("21.0"))

    def opened(**_: Any) -> AsyncClient:
        return AsyncClient(URL, KEY, transport=made.transport())

    monkeypatch.setattr(access, "open_async_client", opened)
    return made


def run(*arguments: str, path: str = PATH) -> Result:
    return CliRunner().invoke(cli, ["kitchen", path, *arguments])


def told(value: str, *, device: str = ID, path: str = PATH) -> Any:
    payload = base64.b64encode(value.encode()).decode()
    item = {"ep": device, "path": path, "payload": payload, "ct": "text/plain"}
    return {"notifications": [item | {"max-age": 60}]}


def test_values_are_shown_from_the_present_one_on(api: DeviceApi) -> None:
    others = (told("1", path="/3303/0/5601"), told("2", device="0b" * 16))
    api.messages += [*others, told("21.5")]
    lines = run("--count", "2").stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["21.0", "21.5"]


def test_a_program_is_told_everything(api: DeviceApi) -> None:
    (line,) = run("--count", "1", "--json", path="3303/0/5700/").stdout.splitlines()
    said = json.loads(line)
    assert said.pop("time").endswith("Z")
    assert said == {
        "device": ID,
        "path": PATH,
        "ct": "",
        "payload": "MjEuMA==",
        "values": {PATH: 21.0},
    }


def test_it_is_told_by_a_consumer_and_ends_what_it_began(api: DeviceApi) -> None:
    run("--count", "1")
    (made,) = (body for method, _, body in api.asked if method == "PUT" and body)
    assert made["devices"] == [ID]
    assert made["paths"] == [PATH]
    assert "resource.notified" in made["facts"]
    assert api.paths("DELETE")[0] == SUBSCRIPTION
    assert api.paths("DELETE")[1].startswith("/v2/notification/consumers/")


def test_what_was_observed_before_stays_so(api: DeviceApi) -> None:
    api.answers["GET", SUBSCRIPTION] = httpx.Response(200)
    run("--count", "1")
    assert SUBSCRIPTION not in api.paths("DELETE")


def test_a_device_that_comes_back_is_observed_again(api: DeviceApi) -> None:
    api.messages += [
        {"de-registrations": [ID]},
        {"registrations-expired": ["0b" * 16]},
        {"registrations": [{"ep": ID}, {"ep": "0b" * 16}]},
        told("22.0"),
    ]
    done = run("--count", "2")
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["21.0", "22.0"]
    assert done.stderr.splitlines() == [
        "the device has left; it is observed again when it is back",
        "the device has registered anew and is observed again",
    ]
    assert api.paths("PUT").count(SUBSCRIPTION) == 2


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (response(status=412), "the device does not let that path be observed"),
        (response(status=404), "the device answers 404 Not Found"),
        (
            {"notifications": [{"ep": ID, "path": PATH, "payload": "", "max-age": 0}]},
            "the device tells nothing of that path any more",
        ),
    ],
)
def test_the_end_of_an_observation_is_a_sentence(
    api: DeviceApi, message: Any, sentence: str
) -> None:
    api.messages = [message]
    done = run()
    assert isinstance(done.exception, NotDone)
    assert str(done.exception) == sentence
    assert SUBSCRIPTION in api.paths("DELETE")


def test_a_path_that_is_not_there_is_a_sentence(api: DeviceApi) -> None:
    missing = httpx.Response(404, text="RESOURCE_NOT_FOUND")
    api.answers["PUT", SUBSCRIPTION] = missing
    done = run()
    assert str(done.exception) == "the device has no such path"
    assert len(api.paths("DELETE")) == 1
