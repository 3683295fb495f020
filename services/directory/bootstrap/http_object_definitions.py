"""The REST routes of object definitions: OMA's XML, uploaded by the accounts."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.protocol.objects import xml
from homeport.protocol.objects.definitions import ObjectDefinition
from homeport.store.trust import Grant
from services.directory import bodies, fields
from services.directory.answers import (
    empty,
    json,
    listed,
    looked_up,
    missing,
    needs_operator,
    parse_id,
    read,
)
from services.directory.catalog import OBJECT_DEFINITIONS as DEFINITIONS
from services.directory.ports import Ports

_PATH = "/v3/object-definitions"
_ONE = f"{_PATH}/{{definition_id}}"
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A document of OMA's LWM2M schema, with one object or several.",
        "content": {"application/xml": {"schema": {"type": "string"}}},
    }
}


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_reading(router, ports, caller)
    _add_writing(router, ports, caller)
    return router


def _add_reading(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_PATH, **bodies.describe_list(DEFINITIONS.fields))
    async def list_object_definitions(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the objects that this account has defined."""
        return await listed(request, grant, ports.catalog, DEFINITIONS)

    @router.get(_ONE, **bodies.describe(DEFINITIONS.fields))
    async def get_object_definition(
        definition_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return a definition."""
        identity = parse_id("definition id", definition_id)
        return await looked_up(grant, ports.catalog, DEFINITIONS, identity)


def _add_writing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    responses = bodies.describe_list(DEFINITIONS.fields)["responses"]
    responses[201] = responses.pop(200)

    @router.post(_PATH, status_code=201, responses=responses, openapi_extra=_UPLOAD)
    async def upload_object_definitions(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Define objects; one that is there in the same version is replaced."""
        needs_operator(grant)
        given = _parsed(await read(request, largest=xml.LARGEST))
        now = datetime.now(UTC)
        identities = await ports.definitions.put(grant.account, given, now=now)
        await ports.projection.settle()
        found = [
            await ports.catalog.get(DEFINITIONS, grant.account, identity)
            for identity in identities
        ]
        data = [fields.build(DEFINITIONS.fields, row) for row in found if row]
        return json({"object": "list", "data": data}, status=201)

    @router.delete(_ONE, **bodies.describe_nothing())
    async def delete_object_definition(
        definition_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Forget a definition; what bootstrap writes by it stays as it is."""
        needs_operator(grant)
        identity = parse_id("definition id", definition_id)
        if not await ports.definitions.remove(grant.account, identity):
            raise missing()
        await ports.projection.settle()
        return empty()


def _parsed(document: bytes) -> list[ObjectDefinition]:
    """Parse an upload; raise InvalidParameter that says where it is wrong."""
    try:
        found = list(xml.parse(document))
    except InvalidFormat as error:
        reason = f"{error.reason} at byte {error.position}"
        raise InvalidParameter("body", reason) from error
    if len({(each.id, each.version) for each in found}) < len(found):
        raise InvalidParameter("body", "has an object twice in one version")
    return found
