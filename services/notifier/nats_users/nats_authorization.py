"""Saying to NATS who may come, and what for (auth callout, ADR-26 of NATS).

A server asks for every connection but the services' own. While nobody answers, it lets
nobody in after a while; those who are in stay.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from homeport.errors import InvalidFormat, Unavailable
from homeport.events import applications
from homeport.pki import nkeys
from homeport.pki.nkeys import AccountKey
from services.notifier import observability
from services.notifier.nats_users.nats_user_store import NatsUserStore
from services.notifier.nats_users.nats_users import Access, NatsUser
from services.notifier.stream.jetstream import reported

ADMITTED_SECONDS = 3600
"""After this time a server asks again, should it not have heard of a user's end."""

_ANSWERERS = "notifier"
_ID_LENGTH = 32
_REFUSED = "no such user or another password"


class Authorization:
    """Answers for the users that are stored; any number of replicas may."""

    def __init__(
        self,
        key: AccountKey,
        stored: NatsUserStore,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._key = key
        self._stored = stored
        self._now = now

    async def listen(self, nats: Client) -> Subscription:
        """Answer from now on; raise Unavailable."""
        with reported():
            return await nats.subscribe(
                applications.AUTHORIZE, queue=_ANSWERERS, cb=self._hear
            )

    async def answer(self, token: str) -> str:
        """Answer a server; raise InvalidFormat or Unavailable where that cannot be."""
        claims = nkeys.claims(token)
        try:
            asked = claims["nats"]
            server, session = asked["server_id"]["id"], asked["user_nkey"]
            presented = asked["connect_opts"]
            name, password = presented.get("user", ""), presented.get("pass", "")
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidFormat("NATS request", f"{type(error).__name__}") from error
        user = await self._user(str(name), str(password))
        said: dict[str, Any] = {"type": "authorization_response", "version": 2}
        if user is None:
            said["error"] = _REFUSED
        else:
            said["jwt"] = self._admit(user, session)
        observability.record_nats_user(admitted=user is not None)
        return self._sign({"aud": server, "sub": session, "nats": said})

    async def _user(self, name: str, password: str) -> NatsUser | None:
        if len(name) != _ID_LENGTH:
            return None
        user = await self._stored.named(name)
        return user if user and user.has(password) else None

    def _admit(self, user: NatsUser, session: str) -> str:
        account, may = applications.LISTENING, applications.listening(user.account)
        if user.access is Access.CONSUME:
            account = applications.CONSUMING
            may = applications.consuming(user.id, user.inbox)
        return self._sign(
            {
                "aud": account,
                "sub": session,
                "name": user.id,
                "exp": int(self._now()) + ADMITTED_SECONDS,
                "nats": {"type": "user", "version": 2, **may},
            }
        )

    def _sign(self, claims: Mapping[str, Any]) -> str:
        return self._key.sign({**claims, "iat": int(self._now())})

    async def _hear(self, message: Msg) -> None:
        """Answer, or let the server take it that nobody is there."""
        try:
            answer = await self.answer(message.data.decode(errors="replace"))
            with reported():
                await message.respond(answer.encode())
        except (InvalidFormat, Unavailable) as error:
            observability.record_nats_unanswered(str(error))
