"""The REST routes of users of NATS: applications that read from it themselves."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.store.trust import Grant
from services.notifier.answers import Refused, needs_writing, read, words
from services.notifier.nats_users import nats_user_bodies
from services.notifier.nats_users.nats_granting import Granting
from services.notifier.nats_users.nats_user_bodies import NatsUserInfo, NatsUserList
from services.notifier.nats_users.nats_users import NatsUser
from services.notifier.ports import Ports

_PATH = "/v2/notification/nats-users"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    def granting() -> Granting:
        if ports.granting is None:
            raise Refused(501, "NATS_USERS_NOT_CONFIGURED")
        return ports.granting

    async def found(grant: Grant, name: str) -> NatsUser:
        user = await granting().stored.get(grant.account, name)
        if user is None:
            raise Refused(404, "NATS_USER_NOT_FOUND")
        return user

    @router.post(
        _PATH,
        status_code=201,
        responses=words(400, 401, 403, 415, 501),
        openapi_extra={"requestBody": nats_user_bodies.NATS_USER_REQUEST},
    )
    async def add_nats_user(
        request: Request, grant: Annotated[Grant, caller]
    ) -> NatsUserInfo:
        """Let an application read this account's facts from NATS itself.

        The password is told now and never again.
        """
        needs_writing(grant)
        name, access, facts, start = nats_user_bodies.parse(await read(request))
        granted = await granting().add(
            grant.account,
            name,
            access,
            facts,
            start=start if isinstance(start, datetime) else None,
            first=start == "first",
        )
        return nats_user_bodies.info(
            granted.user, url=ports.nats_url, password=granted.password
        )

    @router.get(_PATH, responses=words(401, 403, 501))
    async def list_nats_users(grant: Annotated[Grant, caller]) -> NatsUserList:
        """List the account's users of NATS by their names."""
        needs_writing(grant)
        users = await granting().stored.of_account(grant.account)
        return NatsUserList(
            data=[nats_user_bodies.info(user, url=ports.nats_url) for user in users]
        )

    @router.get(f"{_PATH}/{{name}}", responses=words(401, 403, 404, 501))
    async def get_nats_user(name: str, grant: Annotated[Grant, caller]) -> NatsUserInfo:
        """Return what a user's client needs to know, but for the password."""
        needs_writing(grant)
        return nats_user_bodies.info(await found(grant, name), url=ports.nats_url)

    @router.delete(
        f"{_PATH}/{{name}}",
        status_code=204,
        response_class=Response,
        responses=words(401, 403, 404, 501),
    )
    async def delete_nats_user(name: str, grant: Annotated[Grant, caller]) -> Response:
        """Let a user read no more; its connections are ended."""
        needs_writing(grant)
        await granting().remove(await found(grant, name))
        return Response(status_code=204)

    return router
