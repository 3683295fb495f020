"""Certificates: of devices, of developers, and what servers are known by.

``client.trusted_certificates``, ``client.developer_certificates``, ``client.servers``.
"""

import base64
from typing import Literal, TypedDict, Unpack

from pydantic import AwareDatetime, Field

from homeport.client.accounts import Status
from homeport.client.calls import Call, nothing, one, page, segment
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

TRUSTED = "/v3/trusted-certificates"
DEVELOPER = "/v3/developer-certificates"
SERVERS = "/v3/server-credentials"

Service = Literal["bootstrap", "lwm2m"]
"""Which server a certificate opens."""


class TrustedCertificate(Record):
    """A CA, or a developer certificate, whose devices may come."""

    id: str
    account_id: str = ""
    name: str = ""
    description: str = ""
    service: str = ""
    status: str = "ACTIVE"
    enrollment_mode: bool = False
    """Whether ownership claims decide the account."""
    device_execution_mode: int = 0
    """1 for a developer certificate."""
    certificate: str = ""
    """PEM."""
    certificate_fingerprint: str = ""
    subject: str = ""
    issuer: str = ""
    validity: AwareDatetime | None = None
    valid: bool = True
    owner_id: str | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    etag: str = ""


class CertificateChanges(TypedDict, total=False):
    """What may be different of a certificate; what is not given stays as it is."""

    name: str
    description: str
    certificate: str
    service: Service
    status: Status
    enrollment_mode: bool


class Proof(Record):
    """The text to be signed with a CA's key, and whether that has been done."""

    text: str
    proven: bool


class DeveloperCertificate(Record):
    """A certificate that many devices may bootstrap with, and its key."""

    id: str
    account_id: str = ""
    name: str = ""
    description: str = ""
    developer_certificate: str = ""
    """PEM."""
    developer_private_key: str = Field(default="", repr=False)
    """PEM."""
    security_file_content: str = Field(default="", repr=False)
    """Both as C source, for the client's developer flow."""
    created_at: AwareDatetime | None = None
    etag: str = ""


class Server(Record):
    """Where devices find a server, and the CA in PEM that they know it by."""

    url: str
    certificate: str


class Servers(Record):
    """Both servers of the platform."""

    bootstrap: Server
    lwm2m: Server


class TrustedCertificates(Group[From]):
    """The CAs whose devices may come, developer certificates among them."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[TrustedCertificate]]:
        """List them: by ``name``, ``service``, ``subject__like``, ``expire`` (days)."""
        return page(TRUSTED, TrustedCertificate, asked)

    @single
    @staticmethod
    def get(certificate_id: str) -> Call[TrustedCertificate]:
        """Return one; raise NotFound."""
        return one("GET", _path(certificate_id), TrustedCertificate)

    @single
    @staticmethod
    def create(
        name: str,
        certificate: str,
        *,
        service: Service,
        status: Status = "ACTIVE",
        enrollment_mode: bool = False,
        description: str = "",
    ) -> Call[TrustedCertificate]:
        """Trust a CA, given as PEM; raise Conflict where name or subject is there."""
        body = {
            "name": name,
            "certificate": certificate,
            "service": service,
            "status": status,
            "enrollment_mode": enrollment_mode,
            "description": description,
        }
        return one("POST", TRUSTED, TrustedCertificate, body)

    @single
    @staticmethod
    def update(
        certificate_id: str, **changes: Unpack[CertificateChanges]
    ) -> Call[TrustedCertificate]:
        """Change one; whoever relied on what it was is let in no more."""
        return one("PUT", _path(certificate_id), TrustedCertificate, changes)

    @single
    @staticmethod
    def delete(certificate_id: str) -> Call[None]:
        """Trust one no more; connections that rest on it end."""
        return nothing("DELETE", _path(certificate_id))

    @single
    @staticmethod
    def proof(certificate_id: str) -> Call[Proof]:
        """Return the text by which one proves that one holds the CA's key."""
        return one("GET", f"{_path(certificate_id)}/proof", Proof)

    @single
    @staticmethod
    def prove(certificate_id: str, signature: bytes) -> Call[Proof]:
        """Hand in the text's signature, made with the CA's key and SHA-256."""
        body = {"signature": base64.b64encode(signature).decode()}
        return one("PUT", f"{_path(certificate_id)}/proof", Proof, body)


class DeveloperCertificates(Group[From]):
    """Certificates that are made here, with their keys; deleted as trusted ones."""

    @single
    @staticmethod
    def create(name: str, *, description: str = "") -> Call[DeveloperCertificate]:
        """Have a certificate made; raise Conflict where the name is taken."""
        body = {"name": name, "description": description}
        return one("POST", DEVELOPER, DeveloperCertificate, body)

    @single
    @staticmethod
    def get(certificate_id: str) -> Call[DeveloperCertificate]:
        """Return a certificate and its key; raise NotFound."""
        path = f"{DEVELOPER}/{segment(certificate_id)}"
        return one("GET", path, DeveloperCertificate)


class ServerCredentials(Group[From]):
    """What devices need to know of the platform's servers."""

    @single
    @staticmethod
    def get() -> Call[Servers]:
        """Say where devices find both servers, and which CA they know them by."""
        return one("GET", SERVERS, Servers)


def _path(certificate_id: str) -> str:
    return f"{TRUSTED}/{segment(certificate_id)}"
