"""The REST routes of the platform's operator: accounts, and what is nobody's.

They are beside the published contract. Their caller is an administrator of the reserved
platform account.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport import names
from homeport.names import AccountId
from homeport.store.trust import Grant
from services.directory import bodies, fields
from services.directory.accounts.account_bodies import (
    ACCOUNT,
    UNCLAIMED_DEVICE,
    AccountBody,
    AccountChanges,
)
from services.directory.accounts.api_key_bodies import ApiKeyBody
from services.directory.answers import (
    empty,
    json,
    listed,
    looked_up,
    missing,
    needs_platform,
    parse_id,
    parsed,
)
from services.directory.catalog import ACCOUNTS, API_KEYS, UNCLAIMED_DEVICES
from services.directory.ports import Ports

_PATH = "/v3/accounts"
_ONE = f"{_PATH}/{{account_id}}"
_UNCLAIMED = "/v3/unclaimed-devices"
_WITH_KEY = {**ACCOUNT, "api_key": fields.Field(fields.TEXT)}


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_reading(router, ports, caller)
    _add_writing(router, ports, caller)
    _add_unclaimed(router, ports, caller)
    return router


def _add_reading(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_PATH, **bodies.describe_list(ACCOUNT))
    async def list_accounts(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List all accounts; for the platform's operator."""
        needs_platform(grant)
        return await listed(request, grant, ports.catalog, ACCOUNTS)

    @router.get(_ONE, **bodies.describe(ACCOUNT))
    async def get_account(account_id: str, grant: Annotated[Grant, caller]) -> Response:
        """Return an account: to the platform's operator any, to others their own."""
        account = parse_id("account id", account_id)
        if account != grant.account:
            needs_platform(grant)
        return await looked_up(grant, ports.catalog, ACCOUNTS, account)


def _add_writing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, accounts = ports.catalog, ports.accounts

    @router.post(_PATH, **bodies.describe(_WITH_KEY, status=201, request=AccountBody))
    async def create_account(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Make an account with a key of its administrator, which is shown this once."""
        needs_platform(grant)
        body, now = await parsed(request, AccountBody), datetime.now(UTC)
        account, key = await accounts.create(body.model_dump(), now=now)
        await ports.projection.settle()
        found = await catalog.get(ACCOUNTS, grant.account, account)
        return json(fields.build(ACCOUNT, found) | {"api_key": key}, status=201)

    @router.put(_ONE, **bodies.describe(ACCOUNT, request=AccountChanges))
    async def update_account(
        account_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Change an account; what is not given stays."""
        needs_platform(grant)
        account = AccountId(parse_id("account id", account_id))
        body, now = await parsed(request, AccountChanges), datetime.now(UTC)
        await accounts.change(account, body.given(), now=now)
        await ports.projection.settle()
        return await looked_up(grant, catalog, ACCOUNTS, account)

    @router.post(
        f"{_ONE}/api-keys",
        **bodies.describe(API_KEYS.fields, status=201, request=ApiKeyBody),
    )
    async def create_api_key_of_account(
        account_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Make a key of an account that has lost its own; it is shown this once."""
        needs_platform(grant)
        account = AccountId(parse_id("account id", account_id))
        body = await parsed(request, ApiKeyBody)
        if await accounts.account(account) is None:
            raise missing()
        identity, key = await accounts.create_key(account, body.model_dump())
        await ports.projection.settle()
        found = await catalog.get(API_KEYS, account, identity)
        return json(fields.build(API_KEYS.fields, found) | {"key": key}, status=201)

    @router.delete(f"{_ONE}/devices/{{device_id}}", **bodies.describe_nothing())
    async def delete_device_of_account(
        account_id: str, device_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Delete any device, one of production too; it may come again (B-061)."""
        needs_platform(grant)
        deleted = await ports.inventory.delete(
            AccountId(parse_id("account id", account_id)),
            names.parse_device_id(device_id),
            lambda _: None,
            revision=await ports.standing.moment(),
            now=datetime.now(UTC),
        )
        await ports.projection.settle()
        if not deleted:
            raise missing()
        return empty()


def _add_unclaimed(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_UNCLAIMED, **bodies.describe_list(UNCLAIMED_DEVICE))
    async def list_unclaimed_devices(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List devices that were refused since no account has claimed them."""
        needs_platform(grant)
        return await listed(request, grant, ports.catalog, UNCLAIMED_DEVICES)
