"""The REST route of what waits for a key's channel, and what it has lost (ours)."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.params import Depends
from pydantic import BaseModel, Field

from homeport.store.trust import Grant
from services.notifier.answers import found, words
from services.notifier.channels import handlers
from services.notifier.ports import Ports


class BacklogInfo(BaseModel):
    """What a channel's application has not accepted."""

    waiting: int = Field(
        description="Events that wait, also those that applications are not told of."
    )
    dropped: int = Field(
        description="Events that left the stream before they were accepted, at least."
    )


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the route; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.get("/v2/notification/channel/backlog", responses=words(401, 403, 404))
    async def get_backlog(grant: Annotated[Grant, caller]) -> BacklogInfo:
        """Say what waits for this key's channel, and what it has lost.

        Nothing is dropped but what leaves the event stream, by its age or its size.
        """
        found(await handlers.get_channel(grant, stored=ports.stored))
        backlog = await ports.backlog(grant.key_id, grant.account)
        return BacklogInfo(waiting=backlog.waiting, dropped=backlog.dropped)

    return router
