"""The REST routes of named consumers: setting up, looking, moving, removing."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.errors import InvalidParameter
from homeport.names import AccountId
from homeport.store.trust import Grant
from services.notifier.answers import Refused, needs_writing, read, words
from services.notifier.bodies import parameter
from services.notifier.named_consumers import consumer_bodies
from services.notifier.named_consumers.consumer_bodies import ConsumerInfo, ConsumerList
from services.notifier.named_consumers.named_consumers import NamedConsumer, parse_name
from services.notifier.ports import Ports

PATH = "/v2/notification/consumers"

_LEAST, _USUAL, _MOST = 2, 50, 100


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.get(
        PATH,
        responses=words(400, 401, 403),
        openapi_extra={
            "parameters": [
                parameter("limit", f"How many at most: {_LEAST} to {_MOST}."),
                parameter("after", "The name of the last one of the page before."),
            ]
        },
    )
    async def list_consumers(
        request: Request, grant: Annotated[Grant, caller]
    ) -> ConsumerList:
        """List the account's consumers in the order of their names."""
        limit = _limit(request.query_params.get("limit", ""))
        after = request.query_params.get("after")
        found = await ports.consuming.stored.page(
            grant.account, after=after or "", most=limit + 1
        )
        states = [await ports.consuming.state(each) for each in found[:limit]]
        return consumer_bodies.listing(
            states, limit=limit, after=after, has_more=len(found) > limit
        )

    @router.put(
        f"{PATH}/{{name}}",
        responses={
            201: {"model": ConsumerInfo, "description": "Made"},
            **words(400, 401, 403, 415),
        },
        openapi_extra={"requestBody": consumer_bodies.CONSUMER_REQUEST},
    )
    async def put_consumer(
        name: str,
        request: Request,
        response: Response,
        grant: Annotated[Grant, caller],
    ) -> ConsumerInfo:
        """Make a consumer, or select other facts for one that is there.

        One that is there stays where it is; who reads for it has to come again.
        """
        needs_writing(grant)
        selection, start = consumer_bodies.parse_consumer(await read(request))
        made = await ports.consuming.put(
            grant.account, parse_name(name), selection, start=start
        )
        response.status_code = 201 if made else 200
        consumer = await found(ports, grant.account, name)
        return consumer_bodies.info(await ports.consuming.state(consumer))

    @router.get(f"{PATH}/{{name}}", responses=words(401, 403, 404))
    async def get_consumer(name: str, grant: Annotated[Grant, caller]) -> ConsumerInfo:
        """Say how far a consumer is, what waits for it and what it has lost."""
        consumer = await found(ports, grant.account, name)
        return consumer_bodies.info(await ports.consuming.state(consumer))

    @router.put(
        f"{PATH}/{{name}}/cursor",
        status_code=204,
        response_class=Response,
        responses=words(400, 401, 403, 404, 415),
        openapi_extra={"requestBody": consumer_bodies.CURSOR_REQUEST},
    )
    async def put_cursor(
        name: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Confirm what has been read, or go back to read it once more.

        Who reads just now goes on where it is; the cursor is where the next one begins
        that says no Last-Event-ID.
        """
        needs_writing(grant)
        to = consumer_bodies.parse_cursor(await read(request))
        await ports.consuming.move(await found(ports, grant.account, name), to)
        return Response(status_code=204)

    @router.delete(
        f"{PATH}/{{name}}",
        status_code=204,
        response_class=Response,
        responses=words(401, 403, 404),
    )
    async def delete_consumer(name: str, grant: Annotated[Grant, caller]) -> Response:
        """Remove a consumer; who reads for it is closed."""
        needs_writing(grant)
        if not await ports.consuming.remove(grant.account, name):
            raise Refused(404, "CONSUMER_NOT_FOUND")
        return Response(status_code=204)

    return router


async def found(ports: Ports, account: AccountId, name: str) -> NamedConsumer:
    """Return an account's consumer; refuse where there is none of this name."""
    consumer = await ports.consuming.stored.get(account, name)
    if consumer is None:
        raise Refused(404, "CONSUMER_NOT_FOUND")
    return consumer


def _limit(text: str) -> int:
    """Read a limit; one that is out of bounds is the nearest (R-15)."""
    if not text:
        return _USUAL
    if not text.isascii() or not text.isdigit():
        raise InvalidParameter("limit", "is no number")
    return min(max(int(text[:9]), _LEAST), _MOST)
