"""The REST routes of trusted and developer certificates."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.params import Depends as Dependency

from homeport.identity import Service
from homeport.names import AccountId
from homeport.pki import pem
from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import (
    empty,
    json,
    listed,
    looked_up,
    missing,
    needs_administrator,
    parse_id,
    parsed,
)
from services.directory.catalog import TRUSTED_CERTIFICATES as TRUSTED
from services.directory.credentials import certificates
from services.directory.credentials.authorities import Name
from services.directory.credentials.certificates import (
    DEVELOPER_SCHEMA,
    DeveloperCertificateBody,
    TrustedCertificateBody,
    TrustedCertificateChanges,
)
from services.directory.ports import Ports

_PATH = "/v3/trusted-certificates"
_ALIAS = "/v3/accounts/{account_id}/trusted-certificates"
_DEVELOPER = "/v3/developer-certificates"


def routes(ports: Ports, *, caller: Dependency) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_trusted(router, ports, Depends(_holder(caller)))
    _add_developer(router, ports, caller)
    return router


def _add_trusted(router: APIRouter, ports: Ports, caller: Dependency) -> None:
    described = bodies.describe(TRUSTED.fields)

    @router.get(_ALIAS, include_in_schema=False)
    @router.get(_PATH, **bodies.describe_list(TRUSTED.fields))
    async def list_trusted_certificates(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the certificates that this account trusts, developers' among them."""
        return await listed(request, grant, ports.catalog, TRUSTED)

    @router.post(_ALIAS, status_code=201, include_in_schema=False)
    @router.post(
        _PATH,
        **bodies.describe(TRUSTED.fields, status=201, request=TrustedCertificateBody),
    )
    async def create_trusted_certificate(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Trust a CA: devices whose certificates it has signed may come."""
        needs_administrator(grant)
        body = await parsed(request, TrustedCertificateBody)
        made = certificates.made(body, grant, now=datetime.now(UTC))
        await ports.certificates.add(made)
        await ports.projection.settle()
        return await looked_up(grant, ports.catalog, TRUSTED, made.id, status=201)

    @router.get(f"{_ALIAS}/{{certificate_id}}", include_in_schema=False)
    @router.get(f"{_PATH}/{{certificate_id}}", **described)
    async def get_trusted_certificate(
        certificate_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return a certificate that this account trusts."""
        identity = parse_id("certificate id", certificate_id)
        return await looked_up(grant, ports.catalog, TRUSTED, identity)

    @router.put(f"{_ALIAS}/{{certificate_id}}", include_in_schema=False)
    @router.put(
        f"{_PATH}/{{certificate_id}}",
        **bodies.describe(TRUSTED.fields, request=TrustedCertificateChanges),
    )
    async def update_trusted_certificate(
        certificate_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Change a certificate; whoever relied on what it was is let in no more."""
        needs_administrator(grant)
        identity = parse_id("certificate id", certificate_id)
        body = await parsed(request, TrustedCertificateChanges)
        now = datetime.now(UTC)
        await ports.certificates.change(
            grant.account,
            identity,
            lambda before: certificates.changed(before, body, now=now),
        )
        await ports.projection.settle()
        return await looked_up(grant, ports.catalog, TRUSTED, identity)

    @router.delete(f"{_ALIAS}/{{certificate_id}}", include_in_schema=False)
    @router.delete(f"{_PATH}/{{certificate_id}}", **bodies.describe_nothing())
    async def delete_trusted_certificate(
        certificate_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Trust a certificate no more; connections that rest on it end."""
        needs_administrator(grant)
        identity = parse_id("certificate id", certificate_id)
        removed = await ports.certificates.remove(grant.account, identity)
        await ports.projection.settle()
        if not removed:
            raise missing()
        return empty()


def _add_developer(router: APIRouter, ports: Ports, caller: Dependency) -> None:
    @router.post(
        _DEVELOPER,
        **bodies.described(
            DEVELOPER_SCHEMA, status=201, request=DeveloperCertificateBody
        ),
    )
    async def create_developer_certificate(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Make a certificate, with its key, that many devices may bootstrap with."""
        needs_administrator(grant)
        body = await parsed(request, DeveloperCertificateBody)
        made, private_key = certificates.made_for_developer(
            body, grant, now=datetime.now(UTC)
        )
        await ports.certificates.add(made, private_key)
        await ports.projection.settle()
        return json(await _developer(ports, grant.account, made.id), status=201)

    @router.get(
        f"{_DEVELOPER}/{{certificate_id}}", **bodies.described(DEVELOPER_SCHEMA)
    )
    async def get_developer_certificate(
        certificate_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return a developer certificate and its key."""
        needs_administrator(grant)
        identity = parse_id("certificate id", certificate_id)
        return json(await _developer(ports, grant.account, identity))


async def _developer(
    ports: Ports, account: AccountId, identity: str
) -> dict[str, object]:
    found = await ports.certificates.developer(account, identity)
    if found is None:
        raise missing()
    rows = {row.name: row for row in await ports.authorities.all()}
    (root,) = pem.parse_certificates(rows[Name.ROOT].certificate)
    certificate, private_key = found
    return certificates.build_developer(
        certificate,
        private_key,
        bootstrap_url=ports.addresses[Service.BOOTSTRAP],
        root=root,
    )


def _holder(caller: Dependency) -> Callable[..., Awaitable[Grant]]:
    async def holder(request: Request, grant: Annotated[Grant, caller]) -> Grant:
        """Let an account's path be used by its own callers only (R-68)."""
        account = request.path_params.get("account_id")
        if account is not None and account.lower() != grant.account:
            raise missing()
        return grant

    return holder
