"""The REST routes of what accounts want written at bootstrap."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport import names
from homeport.protocol.configurations import Configuration
from homeport.protocol.objects.definitions import Definitions
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
from services.directory.bootstrap import bootstrap_dry_runs, bootstrap_typing
from services.directory.bootstrap.bootstrap_configuration_bodies import (
    UNSAID,
    ConfigurationBody,
    ConfigurationChanges,
    DryRunBody,
)
from services.directory.catalog import BOOTSTRAP_CONFIGURATIONS as CONFIGURATIONS
from services.directory.ports import Ports

_PATH = "/v3/bootstrap-configurations"
_ONE = f"{_PATH}/{{configuration_id}}"
_DRY_RUN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "object": {"const": "bootstrap-dry-run"},
        "configuration_id": {"type": ["string", "null"]},
        "device_id": {"type": "string"},
        "device_profile": {"type": "string"},
        "requests": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "method": {"enum": ["GET", "PUT", "POST", "DELETE"]},
                    "path": {"type": "string"},
                    "queries": {"type": "array", "items": {"type": "string"}},
                    "accept": {"type": "integer"},
                    "content_format": {"type": "integer"},
                    "values": {"type": "object"},
                },
            },
        },
        "left_out": {"type": "array", "items": {"type": "string"}},
    },
}


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_reading(router, ports, caller)
    _add_writing(router, ports, caller)
    _add_dry_run(router, ports, caller)
    return router


def _add_reading(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(_PATH, **bodies.describe_list(CONFIGURATIONS.fields))
    async def list_bootstrap_configurations(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List what this account wants written at bootstrap."""
        return await listed(request, grant, ports.catalog, CONFIGURATIONS)

    @router.get(_ONE, **bodies.describe(CONFIGURATIONS.fields))
    async def get_bootstrap_configuration(
        configuration_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return a configuration; its secrets are masked."""
        identity = parse_id("configuration id", configuration_id)
        return await looked_up(grant, ports.catalog, CONFIGURATIONS, identity)


def _add_writing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    fields, store = CONFIGURATIONS.fields, ports.configurations

    @router.post(
        _PATH, **bodies.describe(fields, status=201, request=ConfigurationBody)
    )
    async def create_bootstrap_configuration(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Say what devices are given at their next bootstrap."""
        needs_administrator(grant)
        body, now = await parsed(request, ConfigurationBody), datetime.now(UTC)
        identity = await store.create(grant.account, body.given(), now=now)
        await ports.projection.settle()
        return await looked_up(
            grant, ports.catalog, CONFIGURATIONS, identity, status=201
        )

    @router.put(_ONE, **bodies.describe(fields, request=ConfigurationChanges))
    async def update_bootstrap_configuration(
        configuration_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Change a configuration; what is not given stays."""
        needs_administrator(grant)
        identity = parse_id("configuration id", configuration_id)
        body, now = await parsed(request, ConfigurationChanges), datetime.now(UTC)
        if not await store.change(grant.account, identity, body.given(), now=now):
            raise missing()
        await ports.projection.settle()
        return await looked_up(grant, ports.catalog, CONFIGURATIONS, identity)

    @router.delete(_ONE, **bodies.describe_nothing())
    async def delete_bootstrap_configuration(
        configuration_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Delete a configuration; what devices have been given stays."""
        needs_administrator(grant)
        identity = parse_id("configuration id", configuration_id)
        if not await store.remove(grant.account, identity):
            raise missing()
        await ports.projection.settle()
        return empty()


def _add_dry_run(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.post(f"{_PATH}/dry-run", **bodies.described(_DRY_RUN, request=DryRunBody))
    async def try_bootstrap_configuration(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Say what a device would be asked; nothing is kept and nobody is asked."""
        body = await parsed(request, DryRunBody)
        definitions = await ports.configurations.known(grant.account)
        device = names.device_id(grant.account, body.endpoint_name)
        played = bootstrap_dry_runs.play(
            body,
            await _configuration(ports, grant, body, definitions),
            definitions,
            handovers=ports.handovers,
            device=(grant.account, device),
            now=int(time.time()),
        )
        return json(played)


async def _configuration(
    ports: Ports, grant: Grant, body: DryRunBody, definitions: Definitions
) -> Configuration:
    if body.configuration is not None:
        given = {**UNSAID, **body.configuration.given()}
        return bootstrap_typing.typed("", given, definitions)
    profile = bootstrap_dry_runs.profile_of(body)
    return await ports.configurations.select(grant.account, body.endpoint_name, profile)
