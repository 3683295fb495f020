"""The REST routes by which an account proves that it holds the key of a CA (B-036)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from pydantic import Base64Bytes, BaseModel, Field

from homeport.pki import proofs
from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import (
    json,
    missing,
    needs_administrator,
    parse_id,
    parsed,
)
from services.directory.catalog import TRUSTED_CERTIFICATES as TRUSTED
from services.directory.credentials import certificates
from services.directory.ports import Ports

_PATH = "/v3/trusted-certificates/{certificate_id}/proof"
_SCHEMA = {
    "type": "object",
    "properties": {
        "object": {"const": "trusted-cert-proof"},
        "text": {"type": "string"},
        "proven": {"type": "boolean"},
    },
}


class ProofBody(BaseModel):
    """A signature with the CA's key."""

    signature: Base64Bytes = Field(
        description="Of the text, with SHA-256 (ECDSA, or RSA PKCS #1 v1.5), in base64."
    )


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.get(_PATH, **bodies.described(_SCHEMA))
    async def get_proof(
        certificate_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return the text to be signed, and whether that has been done."""
        return await _shown(ports, grant, certificate_id)

    @router.put(_PATH, **bodies.described(_SCHEMA, request=ProofBody))
    async def prove(
        certificate_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Prove that one holds the CA's key: its devices need not name an account."""
        needs_administrator(grant)
        identity = parse_id("certificate id", certificate_id)
        body = await parsed(request, ProofBody)
        now = datetime.now(UTC)
        await ports.certificates.change(
            grant.account,
            identity,
            lambda before: certificates.proven(before, body.signature, now=now),
        )
        await ports.projection.settle()
        return await _shown(ports, grant, identity)

    return router


async def _shown(ports: Ports, grant: Grant, certificate_id: str) -> Response:
    identity = parse_id("certificate id", certificate_id)
    row = await ports.catalog.get(TRUSTED, grant.account, identity)
    if row is None:
        raise missing()
    return json(
        {
            "object": "trusted-cert-proof",
            "text": proofs.text(grant.account, row.certificate_fingerprint),
            "proven": row.proven,
        }
    )
