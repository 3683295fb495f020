"""The JSON bodies of the installation's own certificates and of server credentials."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Row

from homeport.identity import Service
from homeport.pki import certificates, pem, trusted
from homeport.store.trust import Grant
from services.directory import times
from services.directory.credentials.authorities import Brought, Name
from services.directory.credentials.certificates import with_account


class PairBody(BaseModel):
    """A certificate and its private key."""

    certificate: str = Field(description="PEM of one certificate.")
    private_key: str | None = Field(
        default=None, description="PEM, unencrypted, P-256.", repr=False
    )

    def brought(self) -> Brought:
        """Return what is brought."""
        return Brought(self.certificate, self.private_key)


class AuthorityBody(PairBody):
    """One's own certificate; with a root that has no key here, both servers' too."""

    bootstrap: PairBody | None = None
    lwm2m: PairBody | None = None

    def servers(self) -> Mapping[Name, Brought]:
        """Return the server certificates that come with a root."""
        given = {Name.BOOTSTRAP: self.bootstrap, Name.LWM2M: self.lwm2m}
        return {name: pair.brought() for name, pair in given.items() if pair}


def build_list(rows: Iterable[Row[Any]]) -> dict[str, object]:
    """Build the list of them."""
    return {"object": "list", "data": [build(row) for row in rows]}


def build(row: Row[Any]) -> dict[str, object]:
    """Build what callers see of one of them: never its key."""
    (document,) = pem.parse_certificates(row.certificate)
    shown = trusted.describe(certificates.parse(document))
    return {
        "object": "certificate-authority",
        "name": row.name,
        "certificate": row.certificate,
        "certificate_fingerprint": shown.fingerprint,
        "subject": shown.subject,
        "issuer": shown.issuer,
        "validity": times.build(shown.not_after),
        "brought": row.brought,
        "created_at": times.build(row.created_at),
        "updated_at": times.build(row.updated_at),
        "etag": times.build(row.updated_at),
    }


def build_former_list(rows: Iterable[Row[Any]]) -> dict[str, object]:
    """Build the list of those that have been replaced."""
    return {"object": "list", "data": [build_former(row) for row in rows]}


def build_former(row: Row[Any]) -> dict[str, object]:
    """Build what callers see of a root or an issuer that another one has followed."""
    (document,) = pem.parse_certificates(row.certificate)
    shown = trusted.describe(certificates.parse(document))
    return {
        "object": "former-certificate-authority",
        "name": row.name,
        "certificate": row.certificate,
        "certificate_fingerprint": row.fingerprint,
        "subject": shown.subject,
        "issuer": shown.issuer,
        "validity": times.build(shown.not_after),
        "replaced_at": times.build(row.replaced_at),
        "withdrawn_at": row.withdrawn_at and times.build(row.withdrawn_at),
    }


def build_servers(
    root: Row[Any], addresses: Mapping[Service, str], grant: Grant
) -> dict[str, object]:
    """Build where devices of an account find both servers, and their CA (R-70)."""
    return {
        service.value: {
            "url": with_account(address, grant.account),
            "certificate": root.certificate,
        }
        for service, address in addresses.items()
    }


def build_server(
    root: Row[Any], service: Service, address: str, grant: Grant
) -> dict[str, object]:
    """Build the older form of the same, for one server (R-71)."""
    return {
        "object": "server-credentials",
        "id": uuid.uuid5(uuid.UUID(grant.account), service.value).hex,
        "server_uri": with_account(address, grant.account),
        "server_certificate": root.certificate,
        "created_at": times.build(root.created_at),
        "etag": times.build(root.updated_at),
    }


def _schema(*texts: str, **others: Mapping[str, Any]) -> Mapping[str, Any]:
    members = {name: {"type": "string"} for name in texts}
    return {"type": "object", "properties": members | others}


AUTHORITY_SCHEMA = _schema(
    "object",
    "name",
    "certificate",
    "certificate_fingerprint",
    "subject",
    "issuer",
    "validity",
    "created_at",
    "updated_at",
    "etag",
    brought={"type": "boolean"},
)
AUTHORITIES_SCHEMA = _schema(
    "object", data={"type": "array", "items": AUTHORITY_SCHEMA}
)
FORMER_SCHEMA = _schema(
    "object",
    "name",
    "certificate",
    "certificate_fingerprint",
    "subject",
    "issuer",
    "validity",
    "replaced_at",
    withdrawn_at={"type": ["string", "null"]},
)
FORMERS_SCHEMA = _schema("object", data={"type": "array", "items": FORMER_SCHEMA})
SERVERS_SCHEMA = _schema(
    bootstrap=_schema("url", "certificate"), lwm2m=_schema("url", "certificate")
)
SERVER_SCHEMA = _schema(
    "object", "id", "server_uri", "server_certificate", "created_at", "etag"
)
