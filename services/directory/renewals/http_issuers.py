"""The REST routes that choose who signs the certificates of which name (R-78).

There is one issuer, which Homeport has built in and which every name has by default.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from sqlalchemy import Row

from homeport.errors import InvalidName, InvalidParameter, NotAllowed
from homeport.protocol import certificate_renewals
from homeport.protocol.certificate_renewals import LWM2M
from homeport.store.trust import Grant
from services.directory import bodies, fields
from services.directory.answers import (
    Refused,
    empty,
    json,
    listed,
    looked_up,
    missing,
    needs_administrator,
    parse_id,
    parsed,
)
from services.directory.catalog import ISSUER_CONFIGURATIONS as CONFIGURATIONS
from services.directory.credentials.authorities import Name
from services.directory.ports import Ports
from services.directory.renewals import issuer_configurations, renewal_bodies
from services.directory.renewals.renewal_bodies import (
    ISSUER_ID,
    ISSUER_SCHEMA,
    ISSUERS_SCHEMA,
    IssuerChoice,
    IssuerConfigurationBody,
)

_ISSUERS = "/v3/certificate-issuers"
_PATH = "/v3/certificate-issuer-configurations"
_ONE = f"{_PATH}/{{configuration_id}}"
_LWM2M = f"{_PATH}/lwm2m"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_issuers(router, ports, caller)
    _add_lwm2m(router, ports, caller)
    _add_reading(router, ports, caller)
    _add_writing(router, ports, caller)
    return router


def _add_issuers(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_ISSUERS, **_described(ISSUERS_SCHEMA))
    async def list_certificate_issuers(_: Annotated[Grant, caller]) -> Response:
        """List the issuers of certificates: the one that is built in."""
        return json(renewal_bodies.build_issuers(await _issuer(ports)))

    @router.get(f"{_ISSUERS}/{{issuer_id}}", **_described(ISSUER_SCHEMA))
    async def get_certificate_issuer(
        issuer_id: str, _: Annotated[Grant, caller]
    ) -> Response:
        """Return an issuer of certificates."""
        if parse_id("issuer id", issuer_id) != ISSUER_ID:
            raise missing()
        return json(renewal_bodies.build_issuer(await _issuer(ports)))


def _add_lwm2m(router: APIRouter, ports: Ports, caller: Depends) -> None:
    members = CONFIGURATIONS.fields

    @router.get(_LWM2M, **bodies.naming_fields(bodies.describe(members)))
    async def get_lwm2m_issuer_configuration(
        grant: Annotated[Grant, caller],
    ) -> Response:
        """Say who signs the certificates that devices register with."""
        return await _shown_lwm2m(ports, grant)

    @router.put(
        _LWM2M, **bodies.naming_fields(bodies.describe(members, request=IssuerChoice))
    )
    async def update_lwm2m_issuer_configuration(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Choose who signs the certificates that devices register with."""
        needs_administrator(grant)
        issuer = _chosen(await parsed(request, IssuerChoice))
        now = datetime.now(UTC)
        await ports.issuers.put(grant.account, LWM2M, issuer, now=now)
        return await _shown_lwm2m(ports, grant)


def _add_reading(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, members = ports.catalog, CONFIGURATIONS.fields

    @router.get(_PATH, **bodies.naming_fields(bodies.describe_list(members)))
    async def list_issuer_configurations(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the names that something was said of; others have the default."""
        return await listed(request, grant, catalog, CONFIGURATIONS)

    @router.get(_ONE, **bodies.naming_fields(bodies.describe(members)))
    async def get_issuer_configuration(
        configuration_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return who signs the certificates of a name."""
        configuration = _parse(configuration_id)
        return await looked_up(grant, catalog, CONFIGURATIONS, configuration)


def _add_writing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    members = CONFIGURATIONS.fields

    @router.post(
        _PATH,
        **bodies.naming_fields(
            bodies.describe(members, status=201, request=IssuerConfigurationBody)
        ),
    )
    async def create_issuer_configuration(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Choose who signs the certificates of a name."""
        needs_administrator(grant)
        body = await parsed(request, IssuerConfigurationBody)
        name, issuer = _reference(body.reference), _chosen(body)
        made = await ports.issuers.create(
            grant.account, name, issuer, now=datetime.now(UTC)
        )
        return await looked_up(grant, ports.catalog, CONFIGURATIONS, made, status=201)

    @router.put(
        _ONE, **bodies.naming_fields(bodies.describe(members, request=IssuerChoice))
    )
    async def update_issuer_configuration(
        configuration_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Choose another issuer for a name."""
        needs_administrator(grant)
        configuration = _parse(configuration_id)
        issuer = _chosen(await parsed(request, IssuerChoice))
        await ports.issuers.change(
            grant.account, configuration, issuer, now=datetime.now(UTC)
        )
        return await looked_up(grant, ports.catalog, CONFIGURATIONS, configuration)

    @router.delete(_ONE, **bodies.naming_fields(bodies.describe_nothing()))
    async def delete_issuer_configuration(
        configuration_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Say nothing of a name any more; that of LWM2M stays, it can be changed."""
        needs_administrator(grant)
        configuration = _parse(configuration_id)
        if configuration == issuer_configurations.identity(grant.account, LWM2M):
            raise Refused(400, "bad_request", f"that of {LWM2M} cannot be deleted")
        if not await ports.issuers.remove(grant.account, configuration):
            raise missing()
        return empty()


def _described(schema: Mapping[str, Any]) -> dict[str, Any]:
    return bodies.naming_fields(bodies.described(schema))


def _parse(configuration_id: str) -> str:
    return parse_id("configuration id", configuration_id)


def _reference(text: str) -> str:
    """Validate the name of a certificate; raise InvalidParameter."""
    try:
        return certificate_renewals.parse_name(text)
    except (InvalidName, NotAllowed) as error:
        raise InvalidParameter("reference", error.reason) from error


def _chosen(body: IssuerChoice) -> str | None:
    """Return the issuer that a caller has chosen; raise InvalidParameter."""
    issuer = body.certificate_issuer_id
    if issuer not in (None, ISSUER_ID):
        raise InvalidParameter("certificate_issuer_id", "is no issuer of this account")
    return issuer


async def _issuer(ports: Ports) -> Row[Any]:
    rows = {row.name: row for row in await ports.authorities.all()}
    if Name.ISSUER not in rows:
        raise missing()
    return rows[Name.ISSUER]


async def _shown_lwm2m(ports: Ports, grant: Grant) -> Response:
    """Show what is chosen, or the default, which is as old as the issuer."""
    found: object = await ports.issuers.find(grant.account, LWM2M)
    if found is None:
        since = (await _issuer(ports)).created_at
        row = issuer_configurations.row(grant.account, LWM2M, None, now=since)
        found = SimpleNamespace(**row)
    return json(fields.build(CONFIGURATIONS.fields, found))
