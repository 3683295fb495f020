"""Who of the applications is connected to NATS, and how a connection is ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from homeport.events import applications
from services.notifier.stream.jetstream import ANSWER_SECONDS, reported

GATHER_SECONDS = 0.5
"""How long another server of a cluster may take to answer after the one before."""
PAGE = 1024


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection of a user to a server."""

    server: str
    number: int
    user: str


class Connections:
    """Asks all servers of NATS; the methods raise Unavailable."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats

    async def of_user(self, user: str) -> list[Connection]:
        """Return where a user is connected."""
        return await self._find({"user": user})

    async def all(self) -> list[Connection]:
        """Return all connections of applications."""
        accounts = (applications.LISTENING, applications.CONSUMING)
        return [
            each for account in accounts for each in await self._find({"acc": account})
        ]

    async def end(self, connection: Connection) -> None:
        """End a connection; harmless where it has ended."""
        with reported():
            await self._nats.request(
                applications.kick(connection.server),
                orjson.dumps({"cid": connection.number}),
                timeout=ANSWER_SECONDS,
            )

    async def _find(self, wanted: dict[str, str]) -> list[Connection]:
        found: list[Connection] = []
        offset, more = 0, True
        while more:
            asked = {**wanted, "auth": True, "limit": PAGE, "offset": offset}
            more = False
            async for server, connections in self._answers(asked):
                more |= len(connections) == PAGE
                found += [
                    Connection(server, each["cid"], each.get("authorized_user", ""))
                    for each in connections
                ]
            offset += PAGE
        return found

    async def _answers(
        self, asked: dict[str, object]
    ) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
        """Ask once, and take what each server answers."""
        answers: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = self._nats.new_inbox()
        with reported():
            heard = await self._nats.subscribe(inbox, cb=answers.put)
        try:
            with reported():
                await self._nats.publish(
                    applications.CONNECTIONS, orjson.dumps(asked), reply=inbox
                )
                answer = await asyncio.wait_for(answers.get(), ANSWER_SECONDS)
            while True:
                content = orjson.loads(answer.data)
                yield content["server"]["id"], content["data"]["connections"]
                answer = await asyncio.wait_for(answers.get(), GATHER_SECONDS)
        except TimeoutError:
            return  # all have answered
        finally:
            with suppress(Exception):
                await heard.unsubscribe()
