"""The REST routes of API keys, and of the account that a caller acts for (R-72 ..)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.store.trust import Grant
from services.directory import bodies, fields
from services.directory.accounts import api_key_bodies
from services.directory.accounts.api_key_bodies import (
    ACCOUNT_SCHEMA,
    ApiKeyBody,
    ApiKeyChanges,
    OwnKeyChanges,
)
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
from services.directory.catalog import API_KEYS
from services.directory.ports import Ports

_PATH = "/v3/api-keys"
_ONE = f"{_PATH}/{{api_key_id}}"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_own(router, ports, caller)
    _add_reading(router, ports, caller)
    _add_writing(router, ports, caller)
    return router


def _add_own(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get("/v3/accounts/me", **bodies.described(ACCOUNT_SCHEMA))
    async def get_own_account(grant: Annotated[Grant, caller]) -> Response:
        """Return the account that the key is of."""
        row = await ports.accounts.account(grant.account)
        if row is None:
            raise missing()
        return json(api_key_bodies.build_account(row))

    @router.get(f"{_PATH}/me", **bodies.describe(API_KEYS.fields))
    async def get_own_api_key(grant: Annotated[Grant, caller]) -> Response:
        """Return the key that this call is made with, without its secret end."""
        return await looked_up(grant, ports.catalog, API_KEYS, grant.key_id)

    @router.put(
        f"{_PATH}/me", **bodies.describe(API_KEYS.fields, request=OwnKeyChanges)
    )
    async def update_own_api_key(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Call the key that this call is made with something else."""
        body, now = await parsed(request, OwnKeyChanges), datetime.now(UTC)
        await ports.accounts.change_key(
            grant.account, grant.key_id, body.model_dump(), now=now
        )
        await ports.projection.settle()
        return await looked_up(grant, ports.catalog, API_KEYS, grant.key_id)


def _add_reading(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_PATH, **bodies.describe_list(API_KEYS.fields))
    async def list_api_keys(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the keys of this account, without their secret ends."""
        needs_administrator(grant)
        return await listed(request, grant, ports.catalog, API_KEYS)

    @router.get(_ONE, **bodies.describe(API_KEYS.fields))
    async def get_api_key(api_key_id: str, grant: Annotated[Grant, caller]) -> Response:
        """Return a key without its secret end."""
        needs_administrator(grant)
        identity = parse_id("api key id", api_key_id)
        return await looked_up(grant, ports.catalog, API_KEYS, identity)


def _add_writing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.post(
        _PATH, **bodies.describe(API_KEYS.fields, status=201, request=ApiKeyBody)
    )
    async def create_api_key(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Make a key, which works at once and is shown whole this once."""
        needs_administrator(grant)
        body = await parsed(request, ApiKeyBody)
        identity, key = await ports.accounts.create_key(
            grant.account, body.model_dump()
        )
        await ports.projection.settle()
        found = await ports.catalog.get(API_KEYS, grant.account, identity)
        return json(fields.build(API_KEYS.fields, found) | {"key": key}, status=201)

    @router.put(_ONE, **bodies.describe(API_KEYS.fields, request=ApiKeyChanges))
    async def update_api_key(
        api_key_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Change a key; one that is INACTIVE is refused from now on."""
        needs_administrator(grant)
        identity = parse_id("api key id", api_key_id)
        body, now = await parsed(request, ApiKeyChanges), datetime.now(UTC)
        await ports.accounts.change_key(grant.account, identity, body.given(), now=now)
        await ports.projection.settle()
        return await looked_up(grant, ports.catalog, API_KEYS, identity)

    @router.delete(_ONE, **bodies.describe_nothing())
    async def delete_api_key(
        api_key_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Delete a key, which is refused from now on."""
        needs_administrator(grant)
        identity = parse_id("api key id", api_key_id)
        removed = await ports.accounts.remove_key(grant.account, identity)
        await ports.projection.settle()
        if not removed:
            raise missing()
        return empty()
