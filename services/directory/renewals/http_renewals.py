"""The REST routes by which devices are asked for renewals (R-76, R-77)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport import names
from homeport.errors import InvalidName, InvalidParameter, NotAllowed
from homeport.protocol import certificate_renewals
from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import (
    listed,
    looked_up,
    missing,
    needs_operator,
    parse_id,
)
from services.directory.catalog import CERTIFICATE_ENROLLMENTS as ENROLLMENTS
from services.directory.catalog import DEVICES
from services.directory.ports import Ports

_RENEW = "/v3/devices/{device_id}/certificates/{certificate_name}/renew"
_PATH = "/v3/certificate-enrollments"
_LOCKED = "The device is not registered, or knows no way to renew certificates."


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_renewing(router, ports, caller)
    _add_enrollments(router, ports, caller)
    return router


def _add_renewing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    described = bodies.naming_fields(bodies.describe(ENROLLMENTS.fields, status=201))

    @router.post(_RENEW, **_lockable(described))
    async def renew_device_certificate(
        device_id: str, certificate_name: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Ask a device to renew a certificate: LWM2M, or one like 'customer.dlms'."""
        needs_operator(grant)
        device = names.parse_device_id(device_id)
        certificate = _certificate(certificate_name)
        if not await ports.renewing.is_registered(grant.account, device):
            known = await ports.catalog.get(DEVICES, grant.account, device)
            if known is None:
                raise missing()
        enrollment = await ports.renewing.ask(
            grant, device, certificate, now=datetime.now(UTC)
        )
        return await looked_up(
            grant, ports.catalog, ENROLLMENTS, enrollment, status=201
        )


def _add_enrollments(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, members = ports.catalog, ENROLLMENTS.fields

    @router.get(_PATH, **bodies.naming_fields(bodies.describe_list(members)))
    async def list_certificate_enrollments(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the renewals that devices of this account were asked for."""
        return await listed(request, grant, catalog, ENROLLMENTS)

    @router.get(
        f"{_PATH}/{{enrollment_id}}", **bodies.naming_fields(bodies.describe(members))
    )
    async def get_certificate_enrollment(
        enrollment_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return a renewal, and what came of it."""
        enrollment = parse_id("enrollment id", enrollment_id)
        return await looked_up(grant, catalog, ENROLLMENTS, enrollment)


def _lockable(described: Mapping[str, Any]) -> dict[str, Any]:
    refused = {**described["responses"]["default"], "description": _LOCKED}
    return {**described, "responses": {**described["responses"], 423: refused}}


def _certificate(name: str) -> str:
    """Validate a certificate's name; one that no device can have is not there."""
    try:
        return certificate_renewals.parse_name(name)
    except NotAllowed as error:
        reason = f"has no issuer: {error}"
        raise InvalidParameter("certificate_name", reason) from error
    except InvalidName as error:
        raise missing() from error
