"""What callers say of certificates, and what becomes of it (R-59 .. R-66)."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from homeport.errors import InvalidParameter
from homeport.identity import Service
from homeport.names import AccountId
from homeport.pki import developer, pem, proofs
from homeport.pki.keys import CertifiedKey
from homeport.store.trust import Grant
from services.directory import times
from services.directory.credentials.trusted import DEVELOPER, Certificate, described
from services.directory.storable import storable

Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(storable)]
Description = Annotated[str, Field(max_length=500), AfterValidator(storable)]
Status = Literal["ACTIVE", "INACTIVE"]


class TrustedCertificateBody(BaseModel):
    """A CA to be trusted; what is not known is ignored (R-7)."""

    name: Name
    certificate: str = Field(description="PEM, all certificates from root to leaf.")
    service: Service = Field(description="Which server it opens.")
    status: Status = "ACTIVE"
    enrollment_mode: bool = Field(
        default=False, description="Whether ownership claims decide the account."
    )
    description: Description = ""


class TrustedCertificateChanges(BaseModel):
    """What is to be different; what is not given stays (R-64)."""

    name: Name | None = None
    certificate: str | None = None
    service: Service | None = None
    status: Status | None = None
    enrollment_mode: bool | None = None
    description: Description | None = None


class DeveloperCertificateBody(BaseModel):
    """A developer certificate to be made (R-59)."""

    name: Name
    description: Description = ""


def made(body: TrustedCertificateBody, grant: Grant, *, now: datetime) -> Certificate:
    """Make a trusted certificate of what a caller says; raise InvalidParameter."""
    return Certificate(
        account_id=grant.account,
        id=uuid.uuid4().hex,
        name=body.name,
        description=body.description,
        service=body.service,
        status=body.status,
        enrollment_mode=body.enrollment_mode,
        device_execution_mode=0,
        proven=False,
        owner_id=grant.key_id,
        created_at=now,
        updated_at=now,
        **described(body.certificate),
    )


def made_for_developer(
    body: DeveloperCertificateBody, grant: Grant, *, now: datetime
) -> tuple[Certificate, bytes]:
    """Make a developer certificate, and its private key in DER."""
    fresh = developer.create(grant.account, now=now)
    given = TrustedCertificateBody(
        name=body.name,
        description=body.description,
        service=Service.BOOTSTRAP,
        certificate=pem.build(pem.CERTIFICATE, fresh.certificate),
    )
    certificate = made(given, grant, now=now)
    return replace(certificate, device_execution_mode=DEVELOPER), fresh.key


def changed(
    before: Certificate, body: TrustedCertificateChanges, *, now: datetime
) -> Certificate:
    """Return a certificate as a caller wants it; raise InvalidParameter.

    A developer certificate stays what it is: it can be renamed and switched off. Of
    another certificate nobody has proven yet that they hold its key.
    """
    given = body.model_dump(exclude_none=True)
    text = given.pop("certificate", before.certificate)
    after = replace(before, **given, updated_at=now)
    if text != before.certificate:
        after = replace(after, **described(text), proven=False)
    if before.device_execution_mode == DEVELOPER:
        for name in ("certificate", "service", "enrollment_mode"):
            if getattr(after, name) != getattr(before, name):
                raise InvalidParameter(
                    name, "of a developer certificate stays as it is"
                )
    return after


def proven(before: Certificate, signature: bytes, *, now: datetime) -> Certificate:
    """Return a certificate whose key the account has shown that it holds.

    Raises InvalidParameter for a signature that is not the key's.
    """
    *_, document = pem.parse_certificates(before.certificate)
    if not proofs.proves(signature, account=before.account_id, certificate=document):
        raise InvalidParameter("signature", "is not one of the text with the CA's key")
    return replace(before, proven=True, updated_at=now)


def build_developer(
    certificate: Certificate, private_key: bytes, *, bootstrap_url: str, root: bytes
) -> dict[str, object]:
    """Build what a developer is shown: certificate and key, also as C source."""
    (document,) = pem.parse_certificates(certificate.certificate)
    source = developer.security_file(
        CertifiedKey(document, private_key),
        bootstrap_uri=with_account(bootstrap_url, certificate.account_id),
        bootstrap_root=root,
    )
    return {
        "object": "trusted-cert",
        "id": certificate.id,
        "account_id": certificate.account_id,
        "name": certificate.name,
        "description": certificate.description,
        "developer_certificate": certificate.certificate,
        "developer_private_key": pem.build(pem.PRIVATE_KEY, private_key),
        "security_file_content": source,
        "created_at": times.build(certificate.created_at),
        "etag": times.build(certificate.updated_at),
    }


def with_account(url: str, account: AccountId) -> str:
    """Return a server's URL as a device of an account is given it (BS-19)."""
    return f"{url}?aid={account}"


DEVELOPER_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        name: {"type": "string"}
        for name in (
            "object",
            "id",
            "account_id",
            "name",
            "description",
            "developer_certificate",
            "developer_private_key",
            "security_file_content",
            "created_at",
            "etag",
        )
    },
}
