"""The REST routes of the installation's own certificates, and of what servers show."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from sqlalchemy import Row

from homeport.identity import Service
from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import (
    Refused,
    json,
    missing,
    needs_administrator,
    parsed,
)
from services.directory.credentials import authorities, authority_bodies
from services.directory.credentials.authorities import Name
from services.directory.credentials.authority_bodies import (
    AUTHORITIES_SCHEMA,
    AUTHORITY_SCHEMA,
    FORMERS_SCHEMA,
    SERVER_SCHEMA,
    SERVERS_SCHEMA,
    AuthorityBody,
)
from services.directory.ports import Ports

Known = TypeVar("Known", Name, Service)

_PATH = "/v3/certificate-authorities"
_FORMER = "/v3/former-certificate-authorities"
_SERVERS = "/v3/server-credentials"
_FINGERPRINT = re.compile("[0-9a-f]{64}")


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_authorities(router, ports, caller)
    _add_changes(router, ports, caller)
    _add_former(router, ports, caller)
    _add_servers(router, ports, caller)
    return router


def _add_authorities(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_PATH, **bodies.described(AUTHORITIES_SCHEMA))
    async def list_certificate_authorities(
        _: Annotated[Grant, caller],
    ) -> Response:
        """List the installation's own certificates: root, issuer, and both servers'."""
        rows = await ports.authorities.all()
        return json(authority_bodies.build_list(rows))

    @router.get(f"{_PATH}/{{name}}", **bodies.described(AUTHORITY_SCHEMA))
    async def get_certificate_authority(
        name: str, _: Annotated[Grant, caller]
    ) -> Response:
        """Return one of them: root, issuer, bootstrap or lwm2m."""
        return json(authority_bodies.build(await _row(ports, _parse(Name, name))))


def _add_changes(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.put(
        f"{_PATH}/{{name}}", **bodies.described(AUTHORITY_SCHEMA, request=AuthorityBody)
    )
    async def replace_certificate_authority(
        name: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Replace one of them by one's own; servers' are made anew to fit the root."""
        _needs_operator(ports, grant)
        wanted = _parse(Name, name)
        body = await parsed(request, AuthorityBody)
        now = datetime.now(UTC)
        await ports.authorities.replace(
            lambda kept: authorities.bring(
                wanted, body.brought(), body.servers(), kept=kept, now=now
            )
        )
        await ports.projection.settle()
        return json(authority_bodies.build(await _row(ports, wanted)))

    @router.post(f"{_PATH}/{{name}}/renew", **bodies.described(AUTHORITY_SCHEMA))
    async def renew_certificate_authority(
        name: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Replace one of them by another one of Homeport's own, with another key."""
        _needs_operator(ports, grant)
        wanted = _parse(Name, name)
        await ports.authorities.renew(wanted)
        await ports.projection.settle()
        return json(authority_bodies.build(await _row(ports, wanted)))


def _add_former(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_FORMER, **bodies.described(FORMERS_SCHEMA))
    async def list_former_certificate_authorities(
        _: Annotated[Grant, caller],
    ) -> Response:
        """List the roots and issuers that have been replaced, the newest first."""
        rows = await ports.authorities.former()
        return json(authority_bodies.build_former_list(rows))

    @router.delete(f"{_FORMER}/{{fingerprint}}", **bodies.describe_nothing())
    async def withdraw_former_certificate_authority(
        fingerprint: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Let one of them be good no more; it stays in the list."""
        _needs_operator(ports, grant)
        wanted = fingerprint.lower()
        if not _FINGERPRINT.fullmatch(wanted):
            raise missing()
        if not await ports.authorities.withdraw(wanted):
            raise missing()
        await ports.projection.settle()
        return Response(status_code=204)


def _add_servers(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_SERVERS, **bodies.described(SERVERS_SCHEMA))
    async def get_server_credentials(grant: Annotated[Grant, caller]) -> Response:
        """Say where devices find the servers, and by which CA they know them."""
        root = await _row(ports, Name.ROOT)
        return json(authority_bodies.build_servers(root, ports.addresses, grant))

    @router.get(f"{_SERVERS}/{{service}}", **bodies.described(SERVER_SCHEMA))
    async def get_credentials_of_server(
        service: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Say the same of one server, bootstrap or lwm2m, in the older form."""
        wanted = _parse(Service, service)
        root = await _row(ports, Name.ROOT)
        address = ports.addresses[wanted]
        return json(authority_bodies.build_server(root, wanted, address, grant))


def _needs_operator(ports: Ports, grant: Grant) -> None:
    needs_administrator(grant)
    if grant.account != ports.operator:
        raise Refused(
            403, "unauthorized", "only the default account's administrator may"
        )


def _parse(kind: type[Known], text: str) -> Known:
    try:
        return kind(text)
    except ValueError as error:
        raise missing() from error


async def _row(ports: Ports, name: Name) -> Row[Any]:
    rows: Mapping[str, Row[Any]] = {
        row.name: row for row in await ports.authorities.all()
    }
    if name not in rows:
        raise missing()
    return rows[name]
