"""The installation's own certificates: shown to everybody, replaced by its operator."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from homeport.identity import Service
from homeport.pki import authorities, certificates, installation, pem
from homeport.pki.authorities import Authority
from homeport.pki.installation import Installation
from tests.support.directory import (
    ACCOUNT,
    OTHER_ACCOUNT,
    Site,
    key_pem_of,
    pem_of,
)

pytestmark = pytest.mark.integration

AUTHORITIES = "/v3/certificate-authorities"
OWN_ROOT = f"{AUTHORITIES}/root"
FORMER = "/v3/former-certificate-authorities"
SERVERS = "/v3/server-credentials"
ROOT = authorities.create_root("own root")
OTHER_ROOT = authorities.create_root("other root")


@pytest_asyncio.fixture(loop_scope="session")
async def opened(opened: Site) -> AsyncIterator[Site]:
    async with opened.running():
        yield opened


def pair(authority: Authority) -> dict[str, str]:
    exported = authority.export()
    return {
        "certificate": pem_of(exported.certificate),
        "private_key": key_pem_of(exported.key),
    }


def server(root: Authority) -> dict[str, str]:
    made = authorities.create_server(root, ["own.example"])
    return {
        "certificate": pem_of(made.certificate),
        "private_key": key_pem_of(made.key),
    }


async def held(opened: Site) -> Installation:
    """Return what the edges show and sign with."""
    return installation.parse(await opened.entries.authority() or b"")


async def test_all_of_them_are_shown_without_a_key(opened: Site) -> None:
    listed = (await opened.get(AUTHORITIES))["data"]
    assert [each["name"] for each in listed] == ["bootstrap", "issuer", "lwm2m", "root"]
    for each in listed:
        assert each["object"] == "certificate-authority"
        assert each["brought"] is False
        assert "PRIVATE" not in str(each)
        assert await opened.get(f"{AUTHORITIES}/{each['name']}/") == each


async def test_the_edges_hold_what_is_shown(opened: Site) -> None:
    root = await opened.get(f"{AUTHORITIES}/root")
    told = await held(opened)
    assert pem_of(told.root) == root["certificate"]
    assert certificates.fingerprint(told.root) == root["certificate_fingerprint"]
    for certified in (told.issuer, *told.servers.values()):
        assert certified.key


async def test_an_own_issuer_is_with_the_edges_before_the_call_is_answered(
    opened: Site,
) -> None:
    before = await held(opened)
    async with opened.listening() as heard:
        made = await opened.send("PUT", f"{AUTHORITIES}/issuer", pair(ROOT))
        assert (await anext(heard)).names == {"authority"}
    assert made["brought"] is True
    assert (await held(opened)).issuer == ROOT.export()
    assert (await held(opened)).root == before.root


async def test_an_own_root_signs_the_servers_anew(opened: Site) -> None:
    await opened.send("PUT", f"{AUTHORITIES}/root", pair(ROOT))
    told = await held(opened)
    assert told.root == ROOT.certificate.der
    for certified in told.servers.values():
        assert certificates.parse(certified.certificate).is_signed_by(ROOT.certificate)
    assert (await opened.get(SERVERS))["lwm2m"]["certificate"] == pem_of(told.root)


async def test_a_root_may_keep_its_key_to_itself(opened: Site) -> None:
    body = {
        "certificate": pem_of(ROOT.certificate.der),
        "bootstrap": server(ROOT),
        "lwm2m": server(ROOT),
    }
    await opened.send("PUT", f"{AUTHORITIES}/root", body)
    shown = await opened.get(f"{AUTHORITIES}/bootstrap")
    assert shown["certificate"] == body["bootstrap"]["certificate"]
    told = (await held(opened)).servers[Service.BOOTSTRAP]
    assert pem_of(told.certificate) == shown["certificate"]
    async with opened.running():
        assert await opened.get(f"{AUTHORITIES}/bootstrap") == shown


@pytest.mark.parametrize("name", ["root", "issuer", "bootstrap", "lwm2m"])
async def test_another_one_is_with_the_edges_before_the_call_is_answered(
    opened: Site, name: str
) -> None:
    before = await opened.get(f"{AUTHORITIES}/{name}")
    async with opened.listening() as heard:
        made = await opened.send("POST", f"{AUTHORITIES}/{name}/renew")
        assert (await anext(heard)).names == {"authority"}
    assert made == await opened.get(f"{AUTHORITIES}/{name}")
    assert made["certificate_fingerprint"] != before["certificate_fingerprint"]
    assert made["brought"] is False
    told = await held(opened)
    shown = {
        "root": told.root,
        "issuer": told.issuer.certificate,
        **{each.value: told.servers[each].certificate for each in Service},
    }
    assert pem_of(shown[name]) == made["certificate"]


async def test_a_former_issuer_is_good_until_it_is_withdrawn(opened: Site) -> None:
    first = await held(opened)
    for _ in range(2):
        await opened.send("POST", f"{AUTHORITIES}/issuer/renew")
    told = await held(opened)
    assert len(told.former_issuers) == 2
    assert first.issuer.certificate in told.former_issuers
    newer, older = (await opened.get(FORMER))["data"]
    assert older["name"] == "issuer"
    assert older["certificate"] == pem_of(first.issuer.certificate)
    assert newer["replaced_at"] > older["replaced_at"]
    assert older["withdrawn_at"] is None
    assert "PRIVATE" not in str(older)

    path = f"{FORMER}/{older['certificate_fingerprint'].upper()}"
    async with opened.listening() as heard:
        await opened.send("DELETE", path, status=204)
        assert (await anext(heard)).names == {"authority"}
    told = await held(opened)
    assert [pem_of(each) for each in told.former_issuers] == [newer["certificate"]]
    (withdrawn,) = told.withdrawn
    assert withdrawn == certificates.parse(first.issuer.certificate).subject_digest
    (_, first_time) = (await opened.get(FORMER))["data"]
    assert first_time["withdrawn_at"]
    await opened.send("DELETE", path, status=204)
    assert (await opened.get(FORMER))["data"][1] == first_time


async def test_an_issuer_that_comes_back_is_a_former_one_no_more(opened: Site) -> None:
    for authority in (ROOT, OTHER_ROOT, ROOT):
        await opened.send("PUT", f"{AUTHORITIES}/issuer", pair(authority))
    told = await held(opened)
    assert told.issuer == ROOT.export()
    assert told.former_issuers[0] == OTHER_ROOT.certificate.der
    assert ROOT.certificate.der not in told.former_issuers
    await opened.send("PUT", f"{AUTHORITIES}/issuer", pair(ROOT))
    assert await held(opened) == told


async def test_the_former_root_vouches_for_the_new_one_until_it_is_withdrawn(
    opened: Site,
) -> None:
    former = certificates.parse((await held(opened)).root)
    await opened.send("PUT", f"{AUTHORITIES}/root", pair(ROOT))
    bridge = certificates.parse((await held(opened)).bridge)
    assert bridge.is_signed_by(former)
    assert bridge.name == ROOT.certificate.name

    problem = await opened.send("POST", f"{OWN_ROOT}/renew", status=400)
    assert "withdraw one first" in problem["message"]
    assert (await held(opened)).root == ROOT.certificate.der

    await opened.send("DELETE", f"{FORMER}/{former.fingerprint}", status=204)
    assert (await held(opened)).bridge == b""
    await opened.send("POST", f"{OWN_ROOT}/renew")
    assert certificates.parse((await held(opened)).bridge).is_signed_by(
        ROOT.certificate
    )


@pytest.mark.parametrize(
    ("name", "body", "member"),
    [
        ("issuer", {}, "certificate"),
        ("issuer", {"certificate": "x"}, "private_key"),
        ("issuer", pair(ROOT) | {"certificate": "x"}, "certificate"),
        ("lwm2m", server(ROOT), "certificate"),
        ("root", {"certificate": pem_of(ROOT.certificate.der)}, "bootstrap"),
    ],
)
async def test_what_would_not_work_is_refused_and_changes_nothing(
    opened: Site, name: str, body: dict[str, str], member: str
) -> None:
    before = await held(opened)
    problem = await opened.send("PUT", f"{AUTHORITIES}/{name}", body, status=400)
    assert [field["name"] for field in problem["fields"]] == [member]
    assert await held(opened) == before


async def test_only_the_operator_may_replace_them(opened: Site) -> None:
    for account, role in ((OTHER_ACCOUNT, "administrator"), (ACCOUNT, "operator")):
        headers = await opened.allow("ak_other", account, role=role)  # type: ignore[arg-type] # one of two
        opened.client.headers.update(headers)
        await opened.send("PUT", f"{AUTHORITIES}/issuer", pair(ROOT), status=403)
        await opened.send("POST", f"{AUTHORITIES}/issuer/renew", status=403)
        await opened.send("DELETE", f"{FORMER}/{'f' * 64}", status=403)
        assert len((await opened.get(AUTHORITIES))["data"]) == 4
        assert (await opened.get(FORMER))["data"] == []


async def test_what_is_none_of_them_is_not_found(opened: Site) -> None:
    for path in (f"{AUTHORITIES}/leaf", f"{SERVERS}/leaf"):
        await opened.send("GET", path, status=404)
    await opened.send("POST", f"{AUTHORITIES}/leaf/renew", status=404)
    for fingerprint in ("f" * 64, "%00", "issuer"):
        await opened.send("DELETE", f"{FORMER}/{fingerprint}", status=404)


async def test_devices_are_told_where_the_servers_are_and_how_to_know_them(
    opened: Site,
) -> None:
    root = (await opened.get(f"{AUTHORITIES}/root"))["certificate"]
    urls = {
        "bootstrap": f"coaps://bootstrap.example:5784?aid={ACCOUNT}",
        "lwm2m": f"coaps://lwm2m.example:5684?aid={ACCOUNT}",
    }
    assert await opened.get(f"{SERVERS}/") == {
        name: {"url": url, "certificate": root} for name, url in urls.items()
    }
    for name, url in urls.items():
        shown = await opened.get(f"{SERVERS}/{name}")
        assert shown["object"] == "server-credentials"
        assert shown["server_uri"] == url
        assert shown["server_certificate"] == root
        assert len(shown["id"]) == 32
        assert shown["created_at"].endswith("Z")
    assert len(pem.parse_certificates(root)) == 1
