"""What becomes of what callers say of certificates."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from homeport.errors import InvalidParameter
from homeport.identity import Service
from homeport.store.trust import Grant
from services.directory.credentials import certificates
from services.directory.credentials.certificates import (
    DeveloperCertificateBody,
    TrustedCertificateBody,
    TrustedCertificateChanges,
)
from services.directory.credentials.trusted import Certificate
from services.directory.trust.changes import Change, Kind
from tests.support.directory import ACCOUNT, new_ca, pem_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
GRANT = Grant("d" * 32, ACCOUNT, "administrator")
CA = new_ca()
TEXT = pem_of(CA.certificate.der)
OTHER_TEXT = pem_of(new_ca("Another CA").certificate.der)


def trusted(**members: object) -> Certificate:
    given = {"name": "factory", "certificate": TEXT, "service": "bootstrap", **members}
    return certificates.made(
        TrustedCertificateBody.model_validate(given), GRANT, now=NOW
    )


def changed(before: Certificate, **members: object) -> Certificate:
    body = TrustedCertificateChanges.model_validate(members)
    return certificates.changed(before, body, now=LATER)


def developer() -> tuple[Certificate, bytes]:
    body = DeveloperCertificateBody(name="mine", description="of the lab")
    return certificates.made_for_developer(body, GRANT, now=NOW)


def test_a_trusted_certificate_says_what_it_is() -> None:
    made = trusted()
    assert made.account_id == ACCOUNT
    assert len(made.id) == 32
    assert made.status == "ACTIVE"
    assert made.enrollment_mode is False
    assert made.device_execution_mode == 0
    assert made.subject == made.issuer == "CN=Factory CA"
    assert made.certificate_fingerprint == CA.certificate.fingerprint
    assert made.subject_digest == CA.certificate.subject_digest
    assert made.validity.timestamp() * 1000 == CA.certificate.expires
    assert made.change == Change(
        Kind.CERTIFICATE, ACCOUNT, made.id, CA.certificate.subject_digest
    )


def test_booleans_may_come_as_text() -> None:
    assert trusted(enrollment_mode="true").enrollment_mode is True


@pytest.mark.parametrize(
    "members",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"description": "x" * 501},
        {"service": "coap"},
        {"status": "active"},
        {"enrollment_mode": "perhaps"},
        {"certificate": None},
    ],
)
def test_what_breaks_a_rule_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        trusted(**members)


@pytest.mark.parametrize("text", ["", "certificate", pem_of(b"0")])
def test_what_is_no_certificate_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidParameter, match="certificate"):
        trusted(certificate=text)


def test_only_what_is_given_changes() -> None:
    before = trusted()
    after = changed(before, status="INACTIVE")
    assert after.status == "INACTIVE"
    assert (after.name, after.certificate) == (before.name, before.certificate)
    assert (after.created_at, after.updated_at) == (NOW, LATER)


def test_another_certificate_takes_its_place() -> None:
    after = changed(trusted(), certificate=OTHER_TEXT)
    assert after.subject == "CN=Another CA"
    assert after.subject_digest != CA.certificate.subject_digest


def test_a_developer_certificate_is_a_pin_for_bootstrap() -> None:
    made, key = developer()
    assert made.device_execution_mode == 1
    assert made.service is Service.BOOTSTRAP
    assert made.subject.endswith(f"OU={ACCOUNT}")
    assert made.change == Change(
        Kind.PIN, ACCOUNT, made.id, made.certificate_fingerprint
    )
    assert key


def test_a_developer_certificate_can_be_renamed_and_switched_off() -> None:
    made, _ = developer()
    after = changed(made, name="ours", status="INACTIVE", certificate=made.certificate)
    assert (after.name, after.status) == ("ours", "INACTIVE")


@pytest.mark.parametrize(
    "members",
    [{"certificate": TEXT}, {"service": "lwm2m"}, {"enrollment_mode": True}],
)
def test_a_developer_certificate_stays_what_it_is(members: dict[str, object]) -> None:
    made, _ = developer()
    with pytest.raises(InvalidParameter, match="of a developer certificate"):
        changed(made, **members)


def test_a_developer_is_shown_certificate_key_and_source() -> None:
    made, key = developer()
    shown = certificates.build_developer(
        made, key, bootstrap_url="coaps://home.example:5784", root=b"root"
    )
    assert shown["object"] == "trusted-cert"
    assert shown["name"] == "mine"
    assert shown["description"] == "of the lab"
    assert shown["developer_certificate"] == made.certificate
    assert "BEGIN PRIVATE KEY" in str(shown["developer_private_key"])
    uri = f'"coaps://home.example:5784?aid={ACCOUNT}"'
    assert uri in str(shown["security_file_content"]).replace("\\075", "=")
    assert set(shown) == set(certificates.DEVELOPER_SCHEMA["properties"])


def test_no_text_is_refused_by_postgresql() -> None:
    made = trusted(name="a\0", description="\0", certificate=f"\0\n{TEXT}")
    assert "\0" not in f"{made.name}{made.description}{made.certificate}"
