"""The REST routes of the keys that devices share with us (R-79 .. R-81)."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.errors import InvalidParameter
from homeport.names import EndpointName
from homeport.store.trust import Grant
from services.directory import bodies, queries
from services.directory.answers import (
    Refused,
    empty,
    json,
    needs_administrator,
    read,
    shown,
)
from services.directory.catalog import SHARED_KEYS
from services.directory.credentials import shared_key_bodies
from services.directory.credentials.shared_key_bodies import (
    SharedKeyBody,
    parse_endpoint_name,
)
from services.directory.ports import Ports
from services.directory.queries import Query

_PATH = "/v2/device-shared-keys"
_NAMED = f"{_PATH}/{{endpoint_name:path}}"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.get(
        _PATH,
        **bodies.in_words(
            bodies.describe_list(
                SHARED_KEYS.fields, continuation_marker={"type": ["string", "null"]}
            )
        ),
    )
    async def list_shared_keys(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the names that this account has registered keys for."""
        query = _query(request.url.query)
        listing = await ports.catalog.list(SHARED_KEYS, grant.account, query)
        if listing is None:
            raise Refused(400, "TOKEN_NOT_FOUND", "unable to find page")
        return json(shared_key_bodies.build_list(listing, query))

    @router.post(
        _PATH,
        **bodies.in_words(
            bodies.describe(SHARED_KEYS.fields, status=201, request=SharedKeyBody)
        ),
    )
    async def create_shared_key(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Register a key: the device with this name may come by it."""
        needs_administrator(grant)
        given = shared_key_bodies.parse(await read(request))
        added = await ports.shared_keys.add(
            grant.account, given.endpoint_name, given.secret, service=given.service
        )
        await ports.projection.settle()
        if not added:
            raise Refused(409, "KEY_ALREADY_EXISTS_FOR_ENDPOINT", "it has a key")
        found = await ports.shared_keys.get(grant.account, given.endpoint_name)
        return shown(SHARED_KEYS, found, status=201)

    @router.get(_NAMED, **bodies.in_words(bodies.describe(SHARED_KEYS.fields)))
    async def get_shared_key(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Say that there is a key for a name, never which."""
        name = _endpoint_name(request)
        return shown(SHARED_KEYS, await ports.shared_keys.get(grant.account, name))

    @router.delete(_NAMED, **bodies.in_words(bodies.describe_nothing()))
    async def delete_shared_key(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Forget the key of a name; its device is let in no more."""
        needs_administrator(grant)
        await ports.shared_keys.remove(grant.account, _endpoint_name(request))
        await ports.projection.settle()
        return empty()

    return router


def _query(text: str) -> Query:
    try:
        return queries.parse(text, {})
    except InvalidParameter as error:
        word = "INVALID_LIMIT" if error.name == "limit" else "INVALID_PARAMETER"
        raise Refused(400, word, str(error)) from error


def _endpoint_name(request: Request) -> EndpointName:
    """Read the name from the path as it came: it may hold slashes, percent-encoded."""
    raw = request.scope["raw_path"].decode("ascii", "replace").partition("?")[0]
    _, _, *names = [segment for segment in raw.split("/") if segment]
    name = parse_endpoint_name(unquote(names[0])) if len(names) == 1 else None
    if name is None:
        raise Refused(400, "INVALID_ENDPOINT_NAME", "the path holds no endpoint name")
    return name
