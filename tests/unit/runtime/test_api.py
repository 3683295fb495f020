"""One port for the routes of several services."""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from homeport.runtime.api import Composition, Mount

COMPOSITION = Composition(
    [
        Mount(("v2",), PlainTextResponse("all of v2")),
        Mount(("v2", "device-shared-keys"), PlainTextResponse("keys")),
        Mount(("v3",), PlainTextResponse("directory")),
    ]
)


async def get(path: str) -> httpx.Response:
    transport = httpx.ASGITransport(COMPOSITION)
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
