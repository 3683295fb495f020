"""The developer certificate of simulated devices, made by the real directory."""

import asyncio

import pytest

from homeport.ca import Api, CallRefused
from homeport.errors import Unavailable
from homeport.pki import certificates
from homeport.runtime.serving import serve
from homeport.simulator import developer
from services.directory import http
from tests.support.directory import ACCOUNT, KEY, site

pytestmark = pytest.mark.integration


async def test_it_is_made_once_and_found_again(
    redis_url: str, nats_url: str, postgres_url: str
) -> None:
    async with (
        site(redis_url, nats_url, postgres_url) as here,
        here.running(),
        http.application(here.settings) as routes,
        serve(routes, "127.0.0.1", 0) as port,
    ):
        api = Api(f"http://127.0.0.1:{port}", KEY)
        made = await asyncio.to_thread(developer.fetch, api)
        assert await asyncio.to_thread(developer.fetch, api) == made
        anchor = await asyncio.to_thread(developer.fetch_anchor, api)
        stranger = Api(api.url, "ak_1stranger")
        with pytest.raises(CallRefused, match="401"):
            await asyncio.to_thread(developer.fetch, stranger)
    shown = certificates.parse(made.chain[0]).subject
    assert shown.organizational_unit == ACCOUNT
    assert certificates.parse(anchor).is_authority


def test_an_api_that_is_away_is_a_sentence() -> None:
    with pytest.raises(Unavailable):
        developer.fetch(Api("http://127.0.0.1:1", KEY))
