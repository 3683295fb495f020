"""`homeport request` asks a device, and shows what it answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from homeport.client import AsyncClient
from homeport.commands import access
from homeport.commands.request import MEDIA_TYPES, Format, request
from homeport.protocol.formats import codecs
from tests.support.answers import ID, DeviceApi, response
from tests.support.api import KEY, URL

Run = Callable[..., Result]

cli = typer.Typer()
cli.command()(request)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> DeviceApi:
    made = DeviceApi()

    def opened(**_: Any) -> AsyncClient:
        return AsyncClient(URL, KEY, transport=made.transport())

    monkeypatch.setattr(access, "open_async_client", opened)
    return made


@pytest.fixture
def run(api: DeviceApi) -> Run:
    """Run the command where the device gives this answer."""

    def command(*arguments: str, told: Any = None, stdin: bytes = b"") -> Result:
        api.messages = [told or response()]
        return CliRunner().invoke(cli, ["kitchen", *arguments], input=stdin)

    return command


def sent(api: DeviceApi) -> Any:
    """Return the body of the request."""
    (body,) = (body for method, _, body in api.asked if method == "POST")
    return body


def test_a_value_is_read_and_shown(api: DeviceApi, run: Run) -> None:
    done = run("get", "/3/0/0", told=response("Homeport", ct="text/plain"))
    assert done.stdout.split() == ["/3/0/0", "Manufacturer", "Homeport"]
    assert sent(api) == {"method": "GET", "uri": "/3/0/0"}


def test_a_program_is_told_everything(run: Run) -> None:
    done = run("get", "/3/0/9", "--json", told=response("97", ct="text/plain"))
    assert json.loads(done.stdout) == {
        "device": ID,
        "path": "/3/0/9",
        "status": 200,
        "error": "",
        "ct": "text/plain",
        "payload": "OTc=",
        "values": {"/3/0/9": 97},
    }


@pytest.mark.parametrize(
    ("arguments", "body", "said"),
    [
        (
            ("put", "/1/0/1", "300"),
            {"method": "PUT", "payload-b64": "MzAw", "content-type": "text/plain"},
            "/1/0/1 is written",
        ),
        (("put", "/3/0/9?pmin=5"), {"method": "PUT"}, "/3/0/9 is written"),
        (("delete", "5/0"), {"method": "DELETE", "uri": "/5/0"}, "/5/0 is deleted"),
        (("execute", "/3/0/4"), {"method": "POST"}, "/3/0/4 is executed"),
        (
            ("execute", "/5/0/2", "0='a'"),
            {"method": "POST", "payload-b64": "MD0nYSc=", "content-type": "text/plain"},
            "/5/0/2 is executed",
        ),
        (
            ("post", "/3303", "[]", "--format", "senml-json"),
            {
                "method": "POST",
                "payload-b64": "W10=",
                "content-type": "application/senml+json",
            },
            "/3303 is done",
        ),
        (("delete", "/3303/1"), {"method": "DELETE"}, "/3303/1 is deleted"),
        (
            ("get", "/3/0", "--accept", "tlv"),
            {"method": "GET", "accept": "application/vnd.oma.lwm2m+tlv"},
            "/3/0 is empty",
        ),
        (
            ("discover", "/3"),
            {"method": "GET", "accept": "application/link-format"},
            "/3 has nothing below it",
        ),
    ],
)
def test_what_is_typed_is_asked(
    api: DeviceApi, run: Run, arguments: Any, body: Any, said: str
) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (0, f"{said}\n")
    assert sent(api) == {"uri": arguments[1], **body}


def test_a_file_is_written(api: DeviceApi, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "firmware"
    path.write_bytes(b"\0\1")
    assert run("put", "/5/0/0", "--file", str(path)).exit_code == 0
    assert sent(api)["payload-b64"] == "AAE="
    assert sent(api)["content-type"] == "application/octet-stream"


def test_the_standard_input_is_written(api: DeviceApi, run: Run) -> None:
    command = ("put", "/5/0/0", "--file", "-", "--format", "tlv")
    assert run(*command, stdin=b"\xc8").exit_code == 0
    assert sent(api)["payload-b64"] == "yA=="
    assert sent(api)["content-type"] == "application/vnd.oma.lwm2m+tlv"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("put", "/1/0/1"), "needs a value, a --file, or attributes"),
        (("get", "/1/0/1", "300"), "takes no value"),
        (("delete", "/1/0", "300"), "takes no value"),
        (("put", "/1/0/1", "3", "--file", "/dev/null"), "is given beside a value"),
        (("put", "/1/0/1", "--file", "/nowhere"), "/nowhere cannot be read: No such"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(
    api: DeviceApi, run: Run, arguments: Any, sentence: str
) -> None:
    done = run(*arguments)
    assert sentence in str(done.exception)
    assert api.asked == []


def test_what_a_device_does_not_do_is_a_sentence(run: Run) -> None:
    done = run("get", "/3/0/4", "--json", told=response(status=405))
    assert json.loads(done.stdout)["status"] == 405
    assert str(done.exception) == "the device answers 405 Method Not Allowed"


def test_every_format_of_devices_has_a_short_name() -> None:
    formats = {codecs.content_format(name) for name in MEDIA_TYPES.values()}
    assert set(MEDIA_TYPES) == set(Format)
    assert formats == set(codecs.CODECS) - {40, 99}
