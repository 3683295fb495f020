"""The REST routes of saved queries (R-44 .. R-46)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import (
    empty,
    listed,
    looked_up,
    missing,
    needs_operator,
    parse_id,
    parsed,
)
from services.directory.catalog import QUERIES
from services.directory.devices.group_bodies import QueryBody
from services.directory.ports import Ports

_PATH = "/v3/device-queries"
_ONE = f"{_PATH}/{{query_id}}"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_reading(router, ports, caller)
    _add_writing(router, ports, caller)
    return router


def _add_reading(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog = ports.catalog

    @router.get(_PATH, **bodies.describe_list(QUERIES.fields))
    async def list_device_queries(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the queries that this account has saved."""
        return await listed(request, grant, catalog, QUERIES)

    @router.get(_ONE, **bodies.describe(QUERIES.fields))
    async def get_device_query(
        query_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return a saved query."""
        query = parse_id("query id", query_id)
        return await looked_up(grant, catalog, QUERIES, query)


def _add_writing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, stored = ports.catalog, ports.queries

    @router.post(
        _PATH, **bodies.describe(QUERIES.fields, status=201, request=QueryBody)
    )
    async def create_device_query(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Save a filter of devices."""
        needs_operator(grant)
        body, now = await parsed(request, QueryBody), datetime.now(UTC)
        query = await stored.create(grant.account, body.given(), now=now)
        return await looked_up(grant, catalog, QUERIES, query, status=201)

    @router.put(_ONE, **bodies.describe(QUERIES.fields, request=QueryBody))
    async def update_device_query(
        query_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Replace a saved query."""
        needs_operator(grant)
        query = parse_id("query id", query_id)
        body, now = await parsed(request, QueryBody), datetime.now(UTC)
        await stored.change(grant.account, query, body.given(), now=now)
        return await looked_up(grant, catalog, QUERIES, query)

    @router.delete(_ONE, **bodies.describe_nothing())
    async def delete_device_query(
        query_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Forget a saved query."""
        needs_operator(grant)
        if not await stored.remove(grant.account, parse_id("query id", query_id)):
            raise missing()
        return empty()
