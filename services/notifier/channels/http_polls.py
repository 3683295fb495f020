"""The REST routes of long poll channels (R-112)."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from fastapi.responses import PlainTextResponse

from homeport.runtime.serving import draining
from homeport.runtime.tasks import first
from homeport.store.trust import Grant
from services.notifier.answers import Refused, needs_writing, words
from services.notifier.channels import handlers
from services.notifier.channels.channels import Kind
from services.notifier.channels.polls import Unanswered
from services.notifier.ports import Ports

_PATH = "/v2/notification/pull"

_REFUSALS: Mapping[Unanswered, tuple[int, str]] = {
    Unanswered.BUSY: (409, "ANOTHER_POLL_IS_WAITING"),
    Unanswered.DELETED: (410, "CHANNEL_DELETED"),
}


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.get(
        _PATH,
        responses={
            200: {"description": "A NotificationMessage", "content": _MESSAGE},
            204: {"description": "Nothing has happened"},
            **words(400, 401, 403, 409, 410),
        },
    )
    async def pull(request: Request, grant: Annotated[Grant, caller]) -> Response:
        """Wait for the next notifications; the first poll makes the channel.

        The next poll says that they have arrived.
        """
        needs_writing(grant)
        answer = await first(
            ports.polls.poll(grant, draining(request.scope)), _left(request)
        )
        if isinstance(answer, bytes):
            return Response(answer, media_type="application/json")
        if answer in _REFUSALS:
            raise Refused(*_REFUSALS[answer])
        return Response(status_code=204)

    @router.delete(
        _PATH, response_class=PlainTextResponse, responses=words(200, 401, 403)
    )
    async def stop(grant: Annotated[Grant, caller]) -> PlainTextResponse:
        """Remove the channel; a poll that waits is told."""
        needs_writing(grant)
        removed = await handlers.remove_channel(
            grant, Kind.LONG_POLLING, stored=ports.stored
        )
        return PlainTextResponse("REMOVED" if removed else "ALREADY_DELETED")

    return router


_MESSAGE = {"application/json": {"schema": {"type": "object"}}}


async def _left(request: Request) -> Unanswered:
    """Return when the client has gone: nobody is there to answer then."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Unanswered.NOTHING
