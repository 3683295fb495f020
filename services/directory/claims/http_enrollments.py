"""The REST routes of ownership claims, and of devices that were denied (R-47 ..)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.errors import InvalidParameter
from homeport.store.trust import Grant
from services.directory import bodies, queries
from services.directory.answers import (
    empty,
    listed,
    looked_up,
    missing,
    needs_operator,
    parse_id,
    parsed,
)
from services.directory.catalog import DENIALS, ENROLLMENTS
from services.directory.claims.enrollment_bodies import EnrollmentBody
from services.directory.ports import Ports

_PATH = "/v3/device-enrollments"
_DENIALS = "/v3/device-enrollment-denials"
_CERTIFICATE = "trusted_certificate_id"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_claims(router, ports, caller)
    _add_denials(router, ports, caller)
    return router


def _add_claims(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, claims = ports.catalog, ports.claims

    @router.get(_PATH, **bodies.describe_list(ENROLLMENTS.fields))
    async def list_device_enrollments(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the devices that this account has claimed."""
        return await listed(request, grant, catalog, ENROLLMENTS, counted=True)

    @router.post(
        _PATH,
        **bodies.describe(ENROLLMENTS.fields, status=201, request=EnrollmentBody),
    )
    async def create_device_enrollment(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Claim a device; the first one to claim it has it."""
        needs_operator(grant)
        body, now = await parsed(request, EnrollmentBody), datetime.now(UTC)
        claim = await claims.add(grant.account, body.enrollment_identity, now=now)
        await ports.projection.settle()
        return await looked_up(grant, catalog, ENROLLMENTS, claim, status=201)

    @router.get(f"{_PATH}/{{enrollment_id}}", **bodies.describe(ENROLLMENTS.fields))
    async def get_device_enrollment(
        enrollment_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return a claim."""
        claim = parse_id("enrollment id", enrollment_id)
        return await looked_up(grant, catalog, ENROLLMENTS, claim)

    @router.delete(f"{_PATH}/{{enrollment_id}}", **bodies.describe_nothing())
    async def delete_device_enrollment(
        enrollment_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Let go of a device; as long as it does not bootstrap it stays (R-51)."""
        needs_operator(grant)
        claim = parse_id("enrollment id", enrollment_id)
        removed = await claims.remove(grant.account, claim)
        await ports.projection.settle()
        if not removed:
            raise missing()
        return empty()


def _add_denials(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_DENIALS, **bodies.describe_list(DENIALS.fields))
    async def list_device_enrollment_denials(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List devices that were refused because their CA is inactive."""
        query = queries.parse(request.url.query, DENIALS.fields)
        if all(condition.name != _CERTIFICATE for condition in query.conditions):
            raise InvalidParameter(f"{_CERTIFICATE}__eq", "is missing")
        return await listed(request, grant, ports.catalog, DENIALS)

    @router.get(f"{_DENIALS}/{{denial_id}}", **bodies.describe(DENIALS.fields))
    async def get_device_enrollment_denial(
        denial_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return one device that was refused."""
        denial = parse_id("denial id", denial_id)
        return await looked_up(grant, ports.catalog, DENIALS, denial)
