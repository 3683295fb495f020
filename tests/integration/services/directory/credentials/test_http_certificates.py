"""Trusted and developer certificates: kept for their account, known to every edge."""

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import text

from homeport.identity import Service
from homeport.pki import certificates, pem
from homeport.pki.authorities import Authority
from homeport.runtime import database
from homeport.store import entries
from services.directory.schema import MIGRATIONS, SCHEMA
from tests.support.directory import (
    ACCOUNT,
    OTHER_ACCOUNT,
    Site,
    new_ca,
    pem_of,
)

pytestmark = pytest.mark.integration

TRUSTED = "/v3/trusted-certificates"
DEVELOPER = "/v3/developer-certificates"
CA = new_ca()
OTHER_CA = new_ca("Another CA")
FACTORY = {
    "name": "factory",
    "certificate": pem_of(CA.certificate.der),
    "service": "bootstrap",
}
SECOND = FACTORY | {
    "name": "second",
    "certificate": pem_of(OTHER_CA.certificate.der),
    "service": "lwm2m",
}


@pytest_asyncio.fixture(loop_scope="session")
async def opened(opened: Site) -> AsyncIterator[Site]:
    async with opened.running():
        yield opened


async def create(opened: Site, body: Mapping[str, object] = FACTORY) -> dict[str, Any]:
    made: dict[str, Any] = await opened.send("POST", TRUSTED, body, status=201)
    return made


async def trusted_by(
    opened: Site, ca: Authority = CA
) -> list[entries.TrustedCertificate]:
    """Return what an edge finds for a CA."""
    subject = ca.certificate.subject_digest
    (found,) = await opened.entries.chains([("f" * 64, [subject])])
    return list(found.authorities)


async def pin(opened: Site, fingerprint: str) -> entries.Pin | None:
    """Return what an edge finds for a developer certificate."""
    (found,) = await opened.entries.chains([(fingerprint, [])])
    return found.pin


async def test_a_ca_is_known_to_the_edges_before_the_call_is_answered(
    opened: Site,
) -> None:
    made = await create(opened)
    (entry,) = await trusted_by(opened)
    assert entry == entries.TrustedCertificate(
        id=made["id"],
        account=ACCOUNT,
        subject=CA.certificate.subject_digest,
        certificate=CA.certificate.der,
        service=Service.BOOTSTRAP,
        enrollment_mode=False,
        proven=False,
        active=True,
    )


async def test_a_certificate_is_shown_with_what_it_says(opened: Site) -> None:
    made = await create(opened, FACTORY | {"description": "of the factory"})
    assert made == {
        "object": "trusted-cert",
        "id": made["id"],
        "account_id": ACCOUNT,
        "name": "factory",
        "description": "of the factory",
        "service": "bootstrap",
        "status": "ACTIVE",
        "enrollment_mode": False,
        "device_execution_mode": 0,
        "owner_id": "d" * 32,
        "certificate": FACTORY["certificate"],
        "certificate_fingerprint": CA.certificate.fingerprint,
        "subject": "CN=Factory CA",
        "issuer": "CN=Factory CA",
        "validity": made["validity"],
        "valid": True,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "etag": made["created_at"],
    }
    for path in (
        f"{TRUSTED}/{made['id']}",
        f"{TRUSTED}/{made['id'].upper()}/",
        f"/v3/accounts/{ACCOUNT}/trusted-certificates/{made['id']}",
    ):
        assert await opened.get(path) == made
    for path in (TRUSTED, f"{TRUSTED}/", f"/v3/accounts/{ACCOUNT}{TRUSTED[3:]}/"):
        assert (await opened.get(path))["data"] == [made]


async def test_an_inactive_ca_trusts_nobody_and_can_still_be_told_of(
    opened: Site,
) -> None:
    made = await create(opened)
    changed = await opened.send(
        "PUT", f"{TRUSTED}/{made['id']}", {"status": "INACTIVE"}
    )
    assert changed["status"] == "INACTIVE"
    assert changed["name"] == "factory"
    assert changed["created_at"] == made["created_at"] < changed["updated_at"]
    (entry,) = await trusted_by(opened)
    assert not entry.active


async def test_another_certificate_replaces_the_one_before(opened: Site) -> None:
    made = await create(opened)
    body = {"certificate": pem_of(OTHER_CA.certificate.der)}
    await opened.send("PUT", f"{TRUSTED}/{made['id']}", body)
    assert await trusted_by(opened) == []
    assert [each.id for each in await trusted_by(opened, OTHER_CA)] == [made["id"]]


async def test_what_an_application_read_it_may_write_back(opened: Site) -> None:
    made = await create(opened)
    written = await opened.send("PUT", f"{TRUSTED}/{made['id']}", made)
    for member in ("updated_at", "etag"):
        del made[member], written[member]
    assert written == made


async def test_a_deleted_ca_is_known_to_nobody(opened: Site) -> None:
    made = await create(opened)
    path = f"{TRUSTED}/{made['id']}"
    await opened.send("DELETE", path, status=204)
    assert await trusted_by(opened) == []
    for method in ("GET", "DELETE"):
        await opened.send(method, path, status=404)
    await opened.send("PUT", path, {}, status=404)


async def test_edges_are_told_whose_trust_has_ended(opened: Site) -> None:
    made = await create(opened)
    async with opened.listening() as heard:
        await opened.send("DELETE", f"{TRUSTED}/{made['id']}", status=204)
        assert (await anext(heard)).names == {f"ca:{made['id']}"}


@pytest.mark.parametrize(
    ("changed", "member"),
    [({"name": "second"}, "subject"), ({"certificate": SECOND["certificate"]}, "name")],
)
async def test_an_account_has_a_name_and_a_subject_once(
    opened: Site, changed: dict[str, str], member: str
) -> None:
    await create(opened)
    problem = await opened.send("POST", TRUSTED, FACTORY | changed, status=409)
    assert problem["type"] == "duplicate"
    assert member in problem["message"]


async def test_a_change_may_not_make_a_duplicate_either(opened: Site) -> None:
    await create(opened)
    made = await create(opened, SECOND)
    body = {"name": "factory"}
    problem = await opened.send("PUT", f"{TRUSTED}/{made['id']}", body, status=409)
    assert problem["type"] == "duplicate"


async def test_two_accounts_may_trust_the_same_ca(opened: Site) -> None:
    mine = await create(opened)
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    theirs = await create(opened)
    assert {entry.id for entry in await trusted_by(opened)} == {
        mine["id"],
        theirs["id"],
    }


async def test_an_account_sees_nothing_of_another(opened: Site) -> None:
    made = await create(opened)
    developer = await opened.send("POST", DEVELOPER, {"name": "lab"}, status=201)
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    assert (await opened.get(TRUSTED))["data"] == []
    for path in (
        f"{TRUSTED}/{made['id']}",
        f"/v3/accounts/{ACCOUNT}/trusted-certificates",
        f"/v3/accounts/{ACCOUNT}/trusted-certificates/{made['id']}",
        f"{DEVELOPER}/{developer['id']}",
    ):
        await opened.send("GET", path, status=404)
    await opened.send("PUT", f"{TRUSTED}/{made['id']}", {}, status=404)
    await opened.send("DELETE", f"{TRUSTED}/{made['id']}", status=404)
    assert len(await trusted_by(opened)) == 1


@pytest.mark.parametrize("role", ["operator", "reader"])
async def test_only_an_administrator_may_change_anything(
    opened: Site, role: Any
) -> None:
    made = await create(opened)
    opened.client.headers.update(await opened.allow("ak_reader", ACCOUNT, role=role))
    path = f"{TRUSTED}/{made['id']}"
    assert await opened.get(path) == made
    await opened.send("POST", TRUSTED, SECOND, status=403)
    await opened.send("PUT", path, {}, status=403)
    await opened.send("DELETE", path, status=403)
    await opened.send("POST", DEVELOPER, {"name": "lab"}, status=403)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "name"),
        (FACTORY | {"service": "coap"}, "service"),
        (FACTORY | {"certificate": "x"}, "certificate"),
        (FACTORY | {"name": "x" * 101}, "name"),
        (FACTORY | {"description": "x" * 70_000}, "body"),
        ([], "body"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    opened: Site, body: object, name: str
) -> None:
    problem = await opened.send("POST", TRUSTED, body, status=400)
    assert problem["type"] == "validation_error"
    assert [field["name"] for field in problem["fields"]] == [name]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name__eq=factory", ["factory"]),
        ("service__eq=lwm2m", ["second"]),
        ("status__eq=INACTIVE", []),
        ("enrollment_mode__eq=false", ["factory", "lab", "second"]),
        ("device_execution_mode__eq=1", ["lab"]),
        ("device_execution_mode__neq=1", ["factory", "second"]),
        (f"owner__eq={'d' * 32}", ["factory", "lab", "second"]),
        (f"owner__eq={'e' * 32}", []),
        ("subject__like=FACTORY", ["factory"]),
        ("issuer__like=another", ["second"]),
        ("subject__like=%25", []),
        ("valid__eq=true", ["factory", "lab", "second"]),
        ("valid__eq=false", []),
        ("expire__eq=30", []),
        ("expire__eq=4000", ["lab"]),
        ("expire__eq=2147483647", ["factory", "lab", "second"]),
        ("filter=name%3Dsecond", ["second"]),
    ],
)
async def test_certificates_are_found_by_what_they_are(
    opened: Site, query: str, names: list[str]
) -> None:
    await create(opened)
    await create(opened, SECOND)
    await opened.send("POST", DEVELOPER, {"name": "lab"}, status=201)
    found = (await opened.get(f"{TRUSTED}?{query}"))["data"]
    assert sorted(each["name"] for each in found) == names


@pytest.mark.parametrize("query", ["name__like=f", "subject__eq=x", "validity__gte=x"])
async def test_what_cannot_be_asked_is_refused(opened: Site, query: str) -> None:
    await opened.send("GET", f"{TRUSTED}?{query}", status=400)


async def test_a_developer_certificate_is_pinned_and_comes_with_everything(
    opened: Site,
) -> None:
    body = {"name": "lab", "description": "of the lab"}
    made = await opened.send("POST", DEVELOPER, body, status=201)
    (document,) = pem.parse_certificates(made["developer_certificate"])
    fingerprint = certificates.fingerprint(document)
    assert await pin(opened, fingerprint) == entries.Pin(
        made["id"], ACCOUNT, fingerprint
    )
    source = made["security_file_content"]
    assert f"coaps://bootstrap.example:5784?aid={ACCOUNT}" in source
    assert await opened.get(f"{DEVELOPER}/{made['id']}") == made
    assert await opened.get(f"{DEVELOPER}/{made['id'].upper()}/") == made
    (listed,) = (await opened.get(TRUSTED))["data"]
    assert (listed["id"], listed["device_execution_mode"]) == (made["id"], 1)
    assert listed["certificate_fingerprint"] == fingerprint
    assert "developer_private_key" not in listed


@pytest.mark.parametrize("switch_off", [True, False])
async def test_a_developer_certificate_ends_among_the_trusted_ones(
    opened: Site, switch_off: Any
) -> None:
    made = await opened.send("POST", DEVELOPER, {"name": "lab"}, status=201)
    path = f"{TRUSTED}/{made['id']}"
    fingerprint = (await opened.get(path))["certificate_fingerprint"]
    if switch_off:
        await opened.send("PUT", path, {"status": "INACTIVE"})
    else:
        await opened.send("DELETE", path, status=204)
        await opened.send("GET", f"{DEVELOPER}/{made['id']}", status=404)
    assert await pin(opened, fingerprint) is None


async def test_a_developer_certificate_has_a_name_of_its_own(opened: Site) -> None:
    await opened.send("POST", DEVELOPER, {"name": "lab"}, status=201)
    await opened.send("POST", DEVELOPER, {"name": "lab"}, status=409)
    await opened.send("POST", DEVELOPER, {}, status=400)


async def test_who_holds_a_cas_key_can_prove_it(opened: Site) -> None:
    made = await create(opened)
    path = f"{TRUSTED}/{made['id']}/proof"
    asked = await opened.get(path)
    assert asked["proven"] is False
    signature = CA.key.sign(asked["text"].encode(), ec.ECDSA(SHA256()))
    body = {"signature": b64encode(signature).decode()}
    assert await opened.send("PUT", path, body) == asked | {"proven": True}
    (entry,) = await trusted_by(opened)
    assert entry.proven
    changed = {"certificate": pem_of(OTHER_CA.certificate.der)}
    await opened.send("PUT", f"{TRUSTED}/{made['id']}", changed)
    assert (await opened.get(path))["proven"] is False


@pytest.mark.parametrize("signature", ["", "!", b64encode(bytes(70)).decode()])
async def test_who_does_not_hold_it_cannot(opened: Site, signature: str) -> None:
    made = await create(opened)
    path = f"{TRUSTED}/{made['id']}/proof"
    problem = await opened.send("PUT", path, {"signature": signature}, status=400)
    assert [field["name"] for field in problem["fields"]] == ["signature"]
    assert (await opened.get(path))["proven"] is False


async def test_a_proof_is_good_for_its_account_only(opened: Site) -> None:
    made = await create(opened)
    text_ = (await opened.get(f"{TRUSTED}/{made['id']}/proof"))["text"]
    signature = CA.key.sign(text_.encode(), ec.ECDSA(SHA256()))
    body = {"signature": b64encode(signature).decode()}
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    await opened.send("GET", f"{TRUSTED}/{made['id']}/proof", status=404)
    await opened.send("PUT", f"{TRUSTED}/{made['id']}/proof", body, status=404)
    theirs = await create(opened)
    await opened.send("PUT", f"{TRUSTED}/{theirs['id']}/proof", body, status=400)


async def test_no_private_key_lies_open(opened: Site) -> None:
    made = await opened.send("POST", DEVELOPER, {"name": "lab"}, status=201)
    key = key_of(made["developer_private_key"])
    url = opened.settings.postgres_url.get_secret_value()
    async with (
        database.connections(url, schema=SCHEMA, migrations=MIGRATIONS) as engine,
        engine.connect() as connection,
    ):
        kept = await connection.scalar(
            text("SELECT private_key FROM directory.developer_certificates")
        )
    assert isinstance(kept, bytes)
    assert key not in kept


def key_of(document: str) -> bytes:
    """Return the private key in a PEM document."""
    (key,) = pem.parse_certificates(document.replace("PRIVATE KEY", "CERTIFICATE"))
    return key
