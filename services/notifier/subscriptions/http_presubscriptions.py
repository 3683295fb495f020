"""The REST routes of presubscriptions: rules for devices that come (R-103 .. R-107)."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.store.trust import Grant
from services.notifier.answers import needs_writing, read, words
from services.notifier.ports import Ports
from services.notifier.subscriptions import presubscription_bodies
from services.notifier.subscriptions.presubscription_bodies import (
    LARGEST_BODY,
    PresubscriptionBody,
)

_PATH = "/v2/subscriptions"
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "array",
                "items": PresubscriptionBody.model_json_schema(),
            },
            "example": [{"endpoint-type": "meter", "resource-path": ["/3303/*"]}],
        }
    },
}


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.put(
        _PATH,
        status_code=204,
        response_class=Response,
        responses=words(400, 401, 403, 415),
        openapi_extra={"requestBody": _BODY},
    )
    async def put_presubscriptions(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Replace this key's rules; they hold for devices that register or update."""
        needs_writing(grant)
        rules = presubscription_bodies.parse(await read(request, most=LARGEST_BODY))
        await ports.subscriptions.put_rules(grant.key_id, grant.account, rules)
        return Response(status_code=204)

    @router.get(
        _PATH,
        response_model_exclude_none=True,
        responses=words(401, 403),
    )
    async def get_presubscriptions(
        grant: Annotated[Grant, caller],
    ) -> list[PresubscriptionBody]:
        """Return this key's rules."""
        rules = await ports.subscriptions.rules(grant.key_id)
        return [PresubscriptionBody.model_validate(each) for each in rules]

    @router.delete(
        _PATH, status_code=204, response_class=Response, responses=words(401, 403)
    )
    async def delete_presubscriptions(grant: Annotated[Grant, caller]) -> Response:
        """Remove this key's rules."""
        needs_writing(grant)
        await ports.subscriptions.put_rules(grant.key_id, grant.account, [])
        return Response(status_code=204)

    return router
