"""The REST route of last known values: no device is woken for them."""

import base64
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi.params import Depends
from pydantic import BaseModel, Field

from homeport.protocol.objects.definitions import Definitions
from homeport.store.trust import Grant
from homeport.store.values import LastValue
from services.notifier.answers import Refused, device, words
from services.notifier.device_requests import request_bodies, results
from services.notifier.device_requests.decoding import Values, decode
from services.notifier.device_requests.requests import NotAsked
from services.notifier.ports import Ports


class ValueInfo(BaseModel):
    """What a device has said last of a path, and when."""

    path: str
    time: str = Field(description="When it said so, in UTC.")
    max_age: int = Field(
        serialization_alias="max-age",
        description="For how many seconds more it holds; 0 if it is too old.",
    )
    ct: str = Field(description="The content type of the payload.")
    payload: str = Field(description="What it said, in base64.")
    values: Values | None = Field(
        description=(
            "The values in it by their paths, as JSON; null where they cannot be read."
        )
    )


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.get(
        "/v2/values/{device_id}/{path:path}", responses=words(400, 401, 403, 404)
    )
    async def get_last_value(
        device_id: str, path: str, grant: Annotated[Grant, caller]
    ) -> ValueInfo:
        """Return what a registered device has said last of a path, however old."""
        identity = device(device_id)
        wanted, _ = request_bodies.parse_uri(path)
        try:
            await ports.requests.session(grant.account, identity)
        except NotAsked as error:
            raise Refused(404, "DEVICE_NOT_FOUND") from error
        value = await ports.queue.value(identity, wanted)
        if value is None:
            raise Refused(404, "VALUE_NOT_FOUND")
        definitions = await ports.definitions.of(grant.account)
        return _shown(wanted, value, ports.requests.freshness(value), definitions)

    return router


def _shown(
    path: str, value: LastValue, max_age: int, definitions: Definitions
) -> ValueInfo:
    said = datetime.fromtimestamp(value.at / 1000, UTC)
    kind = value.content_format
    return ValueInfo(
        path=path,
        time=said.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        max_age=max_age,
        ct="" if kind is None else results.media_type(kind),
        payload=base64.b64encode(value.payload).decode(),
        values=decode(path, value.payload, kind, definitions),
    )
