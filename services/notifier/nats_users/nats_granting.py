"""Letting applications read from NATS itself, and ending that."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from homeport.errors import Unavailable
from homeport.events import applications, subjects
from homeport.events.facts import FactName
from homeport.names import AccountId
from services.notifier import observability
from services.notifier.named_consumers.named_consumers import Selection
from services.notifier.nats_users.nats_connections import Connections
from services.notifier.nats_users.nats_user_store import NatsUserStore
from services.notifier.nats_users.nats_users import Access, NatsUser, new_password
from services.notifier.stream.jetstream import ANSWER_SECONDS, reported

ACKNOWLEDGE_SECONDS = 30.0
"""A fact that an application has not acknowledged for so long comes again."""
MOST_UNACKNOWLEDGED = 1_000


@dataclass(frozen=True, slots=True)
class Granted:
    """A new user, and the password that is told once."""

    user: NatsUser
    password: str


class Granting:
    """All methods but `watch` raise Unavailable when NATS or PostgreSQL is away."""

    def __init__(self, nats: Client, stored: NatsUserStore, *, seconds: float) -> None:
        self.stored = stored
        self._nats = nats
        self._connections = Connections(nats)
        self._seconds = seconds

    async def add(
        self,
        account: AccountId,
        name: str,
        access: Access,
        facts: Sequence[FactName],
        *,
        start: datetime | None,
        first: bool = False,
    ) -> Granted:
        """Make a user; one that consumes begins now, at ``start`` or at the ``first``.

        Raises InvalidParameter where the name is taken or there are enough.
        """
        password = new_password()
        user = await self.stored.add(account, name, access, facts, password=password)
        if access is Access.CONSUME:
            try:
                await self._collect(user, start=start, first=first)
            except Unavailable:
                await self.stored.remove(user)
                raise
        return Granted(user, password)

    async def remove(self, user: NatsUser) -> None:
        """Remove a user: it is let in no more, and where it is in it is put out."""
        await self.stored.remove(user)
        await self._discard(user.id)
        for connection in await self._connections.of_user(user.id):
            await self._connections.end(connection)
            observability.record_nats_user_ended(user.id)

    async def watch(self) -> None:
        """Put those out, for ever, who came in just when they were removed."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Unavailable as error:
                observability.record_nats_users_wait(str(error))

    async def look(self) -> None:
        """Put everybody out who is no user any more; any number of replicas may."""
        found = await self._connections.all()
        known = await self.stored.ids()
        for connection in found:
            if connection.user not in known:
                await self._connections.end(connection)
                observability.record_nats_user_ended(connection.user)

    async def _collect(
        self, user: NatsUser, *, start: datetime | None, first: bool
    ) -> None:
        """Make a user's consumer."""
        policy = DeliverPolicy.ALL if first else DeliverPolicy.NEW
        if start is not None:
            policy = DeliverPolicy.BY_START_TIME
        selection = Selection(facts=frozenset(user.facts))
        jetstream = self._nats.jetstream(timeout=ANSWER_SECONDS)
        with reported():
            await jetstream.add_consumer(
                subjects.STREAM,
                ConsumerConfig(
                    durable_name=applications.durable(user.id),
                    filter_subjects=selection.subjects(user.account),
                    deliver_policy=policy,
                    opt_start_time=start,
                    ack_policy=AckPolicy.EXPLICIT,
                    ack_wait=ACKNOWLEDGE_SECONDS,
                    max_ack_pending=MOST_UNACKNOWLEDGED,
                    max_deliver=-1,
                ),
            )

    async def _discard(self, user: str) -> None:
        jetstream = self._nats.jetstream(timeout=ANSWER_SECONDS)
        with reported(), suppress(NotFoundError):
            await jetstream.delete_consumer(subjects.STREAM, applications.durable(user))
