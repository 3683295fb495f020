"""`homeport ca` against the API, as an operator uses it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeport.pki import authorities
from homeport.runtime.probes import Probes
from services.directory.app import service
from tests.support.directory import KEY, Site, key_pem_of, pem_of, site

pytestmark = pytest.mark.integration

OWN = authorities.create_root("own root")


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(redis_url, nats_url, postgres_url) as made:
        yield made


@pytest.fixture
async def api(opened: Site) -> AsyncIterator[str]:
    """The URL of an API that is served."""
    await opened.keep_allowed()
    settings = opened.settings.model_copy(update={"http_port": 0})
    async with service(settings, Probes()) as urls:
        yield urls["http"]


async def ca(api: str, *arguments: str, code: int = 0, key: str = KEY) -> str:
    """Run the command; return what it prints, or complains about."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "homeport", "ca", *arguments),
        *("--api", api, "--key", key),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complained = await process.communicate()
    assert process.returncode == code, complained
    return (complained if code else printed).decode()


def written(folder: Path) -> tuple[str, ...]:
    """Write a CA of one's own; return the options that name it."""
    exported = OWN.export()
    (folder / "ca.pem").write_text(pem_of(exported.certificate))
    (folder / "key.pem").write_text(key_pem_of(exported.key))
    return ("--certificate", f"{folder}/ca.pem", "--private-key", f"{folder}/key.pem")


async def test_every_certificate_is_shown(opened: Site, api: str) -> None:
    shown = await ca(api, "show")
    for each in (await opened.get("/v3/certificate-authorities"))["data"]:
        assert f"{each['name']}: CN=" in shown
        assert each["certificate_fingerprint"] in shown
        assert each["certificate"] in shown
    assert "PRIVATE" not in shown


async def test_one_is_exported_as_it_is(opened: Site, api: str, tmp_path: Path) -> None:
    root = await opened.get("/v3/certificate-authorities/root")
    assert await ca(api, "export") == root["certificate"]
    issuer = await opened.get("/v3/certificate-authorities/issuer")
    path = tmp_path / "issuer.pem"
    assert await ca(api, "export", "issuer", "--output", str(path)) == ""
    assert path.read_text() == issuer["certificate"]


async def test_an_own_one_is_taken_over(opened: Site, api: str, tmp_path: Path) -> None:
    done = await ca(api, "import", "root", *written(tmp_path))
    assert done == f"root is {OWN.certificate.fingerprint} now\n"
    assert await ca(api, "export") == (tmp_path / "ca.pem").read_text()
    assert "made by     its operator" in await ca(api, "show")


async def test_another_one_is_made_and_the_former_withdrawn(
    opened: Site, api: str
) -> None:
    former = await opened.get("/v3/certificate-authorities/issuer")
    fingerprint = former["certificate_fingerprint"]
    done = await ca(api, "renew", "issuer")
    made = await opened.get("/v3/certificate-authorities/issuer")
    assert done == f"issuer is {made['certificate_fingerprint']} now\n"
    shown = await ca(api, "show")
    assert f"former issuer: {former['subject']}" in shown
    assert f"{fingerprint}\n  replaced" in shown
    assert "withdrawn   no, it is still good" in shown
    assert await ca(api, "withdraw", fingerprint) == f"{fingerprint} is withdrawn\n"
    assert "still good" not in await ca(api, "show")


async def test_what_the_api_refuses_is_a_sentence(api: str, tmp_path: Path) -> None:
    told = await ca(api, "import", "lwm2m", *written(tmp_path), code=1)
    assert "the API answered 400: certificate is not signed by the root" in told
    told = await ca(api, "show", key="ak_1unknown", code=1)
    assert "the API answered 401" in told
    assert "Traceback" not in told
