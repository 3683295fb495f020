"""One port for the routes of several services."""

from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from homeport.errors import InvalidConfiguration
from homeport.runtime.api import ApiSettings, Composition, Mount
from homeport.runtime.platform import https

COMPOSITION = Composition(
    [
        Mount(("v2",), PlainTextResponse("all of v2")),
        Mount(("v2", "device-shared-keys"), PlainTextResponse("keys")),
        Mount(("v3",), PlainTextResponse("directory")),
    ]
)


async def get(path: str, composition: Composition = COMPOSITION) -> httpx.Response:
    transport = httpx.ASGITransport(composition)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("path", "served_by"),
    [
        ("/v3/devices/", "directory"),
        ("/v3", "directory"),
        ("/v2/notification/callback", "all of v2"),
        ("/v2/device-shared-keys/", "keys"),
        ("/v2//device-shared-keys", "keys"),
        ("/v2/device-shared-keys-of-another-kind", "all of v2"),
    ],
)
async def test_the_longest_prefix_wins(path: str, served_by: str) -> None:
    assert (await get(path)).text == served_by


@pytest.mark.parametrize("path", ["/", "/v30/devices/", "/v1"])
async def test_a_path_that_nobody_serves_is_404_in_the_usual_form(path: str) -> None:
    answer = await get(path)
    assert answer.status_code == 404
    error = answer.json()
    assert error["object"] == "error"
    assert error["code"] == 404
    assert error["type"] == "not_found"
    assert error["request_id"] == answer.headers["X-Request-ID"]


async def test_below_v2_it_is_404_in_a_bare_word() -> None:
    answer = await get("/v2//nobody", Composition([]))
    assert (answer.status_code, answer.text) == (404, "NOT_FOUND")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Request-ID"]


def test_without_a_certificate_there_is_no_tls() -> None:
    assert ApiSettings().tls is None


def test_a_certificate_and_its_key_make_tls(tmp_path: Path) -> None:
    made = https.establish(tmp_path, "127.0.0.1")
    assert ApiSettings(api_certificate=made.shown, api_key_file=made.shown).tls


@pytest.mark.parametrize("half", ["api_certificate", "api_key_file"])
def test_half_of_a_certificate_is_refused(tmp_path: Path, half: str) -> None:
    settings = ApiSettings.load(**{half: tmp_path / "x"})
    with pytest.raises(InvalidConfiguration, match="goes with"):
        assert settings.tls
