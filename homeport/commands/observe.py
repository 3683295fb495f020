"""``homeport observe``: show what a device tells of a path, whenever it does."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Annotated

import typer

from homeport.client import AsyncClient, NotFound
from homeport.client.notifications import Message, Payload
from homeport.client.records import Record
from homeport.commands import asking, output, told
from homeport.commands.access import with_async_client
from homeport.commands.asking import NotDone
from homeport.commands.hearing import hearing
from homeport.commands.output import AsJson
from homeport.commands.selection import Chosen, await_device
from homeport.errors import HomeportError
from homeport.events.facts import FactName

FACTS = (
    FactName.RESOURCE_NOTIFIED,
    FactName.REQUEST_COMPLETED,
    FactName.DEVICE_REGISTERED,
    FactName.DEVICE_DEREGISTERED,
    FactName.REGISTRATION_EXPIRED,
)
NOT_OBSERVABLE = 412


class Seen(Record):
    """What a device has told, for programs; ``time`` is when it was heard."""

    time: datetime
    device: str
    path: str
    ct: str
    payload: str
    values: told.Values | None


@with_async_client
async def observe(
    client: AsyncClient,
    device: Chosen,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="/3303/0/5700; also of an instance or an object."
        ),
    ],
    *,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after so many.", show_default="never")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a device tells of a path, from now on; Ctrl-C ends it.

    A device that leaves is observed again when it comes back. The notification channel
    of the API key is left to whoever has it, who is told as well.
    """
    identity = await await_device(client, device)
    wanted = "/" + path.strip("/")
    left = count
    with suppress(asyncio.CancelledError):
        async with aclosing(_told(client, identity, wanted)) as payloads:
            async for payload in payloads:
                values = await told.decode(client, identity, wanted, payload)
                seen = Seen(
                    time=datetime.now(UTC),
                    device=identity,
                    path=wanted,
                    ct=payload.ct,
                    payload=payload.payload,
                    values=values,
                )
                if as_json:
                    output.print_json(seen)
                else:
                    said = told.line(payload, values)
                    typer.echo(f"{output.text(seen.time)}  {said}")
                left = None if left is None else left - 1
                if left == 0:
                    return


async def _told(
    client: AsyncClient, device: str, path: str
) -> AsyncGenerator[Payload, None]:
    """Yield what a device tells of a path, first what it says when it is asked."""
    async with (
        hearing(client, device, *FACTS, path=path) as messages,
        observed(client, device, path) as observation,
    ):
        with ExitStack() as waiting:
            waiting.enter_context(asking.patience())
            async for message in messages:
                for payload in await observation.take(message):
                    waiting.close()
                    yield payload


class Observation:
    """A path of a device that is observed, and what messages tell of it."""

    def __init__(self, client: AsyncClient, device: str, path: str) -> None:
        self._client = client
        self._device = device
        self._path = path
        self._async_id = ""

    async def begin(self) -> None:
        """Have the device asked to tell what there is; raise NotDone."""
        with asking.asked_for():
            self._async_id = await self._client.subscriptions.add(
                self._device, self._path
            )

    async def take(self, message: Message) -> list[Payload]:
        """Take what has happened; return what was told, raise NotDone at its end."""
        for response in message.async_responses:
            if response.id == self._async_id:
                if response.status == NOT_OBSERVABLE:
                    raise NotDone("does not let that path be observed")
                if response.status != asking.OK:
                    raise NotDone(asking.reason(response))
                return [response]
        if self._has_left(message):
            output.note("the device has left; it is observed again when it is back")
        elif any(each.device_id == self._device for each in message.registrations):
            output.note("the device has registered anew and is observed again")
            await self.begin()
        told = [
            each
            for each in message.notifications
            if (each.device_id, each.path) == (self._device, self._path)
        ]
        if any(not each.payload and not each.max_age and not each.ct for each in told):
            raise NotDone("tells nothing of that path any more")
        return list(told)

    def _has_left(self, message: Message) -> bool:
        ended = (*message.de_registrations, *message.registrations_expired)
        return any(each.device_id == self._device for each in ended)


@asynccontextmanager
async def observed(
    client: AsyncClient, device: str, path: str
) -> AsyncIterator[Observation]:
    """Have a path observed while this is entered; longer if it was so before."""
    observation = Observation(client, device, path)
    ours = False
    try:
        await client.subscriptions.check(device, path)
    except NotFound:
        ours = True
    await observation.begin()
    try:
        yield observation
    finally:
        if ours:
            with suppress(HomeportError):  # it ends when the device registers anew
                await client.subscriptions.remove(device, path)
