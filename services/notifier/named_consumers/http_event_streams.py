"""Reading for a named consumer: Server-Sent Events (HTML Living Standard §9.2)."""

import asyncio
from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from starlette.types import Receive, Scope, Send

from homeport.errors import InvalidParameter
from homeport.runtime.serving import draining
from homeport.runtime.streaming import cut
from homeport.store.trust import Grant
from services.notifier import observability
from services.notifier.answers import Refused, needs_writing, words
from services.notifier.bodies import parameter
from services.notifier.named_consumers import http_consumers
from services.notifier.named_consumers import server_sent_events as sse
from services.notifier.named_consumers.event_streams import (
    Confirm,
    End,
    EventStream,
    Form,
    Wanted,
)
from services.notifier.named_consumers.named_consumers import NamedConsumer
from services.notifier.ports import Ports

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}

Choice = TypeVar("Choice", bound=StrEnum)


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.get(
        f"{http_consumers.PATH}/{{name}}/events",
        response_class=Response,
        responses={
            200: {
                "description": "Events without an end",
                "content": {sse.MEDIA_TYPE: {"schema": {"type": "string"}}},
            },
            **words(400, 401, 403, 404),
        },
        openapi_extra={
            "parameters": [
                parameter("form", "`fact`, or `notification`: a NotificationMessage."),
                parameter(
                    "confirm",
                    "`call`: what is read has to be confirmed. `sent`: what is sent "
                    "counts as read.",
                ),
            ]
        },
    )
    async def read_events(
        name: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Read for a consumer, as the newest reader; an older one is closed.

        Each event's id is its place in the stream. A client that comes again with
        Last-Event-ID goes on behind it, and has confirmed it. One without begins where
        the consumer is. So everything comes at least once.
        """
        needs_writing(grant)
        consumer = await http_consumers.found(ports, grant.account, name)
        wanted = Wanted(
            consumer.selection,
            grant.key_id,
            _choice(Form, "form", request),
            _choice(Confirm, "confirm", request),
        )
        key = request.headers.get("authorization", "").partition(" ")[2].strip()
        return _Stream(ports, consumer, wanted, key=key, last=_last(request))

    return router


class _Stream(Response):
    """The answer, as long as somebody reads it."""

    def __init__(
        self,
        ports: Ports,
        consumer: NamedConsumer,
        wanted: Wanted,
        *,
        key: str,
        last: int | None,
    ) -> None:
        super().__init__(headers=_HEADERS, media_type=sse.MEDIA_TYPE)
        del self.headers["content-length"]
        self._ports = ports
        self._consumer = consumer
        self._wanted = wanted
        self._key = key
        self._last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client to its end; raise Refused or Unavailable instead."""
        consuming, consumer = self._ports.consuming, self._consumer
        seconds = self._ports.ping_seconds

        async def write(text: bytes, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": more})

        async def within(devices: Collection[str]) -> Collection[str]:
            groups = consumer.selection.groups
            return await self._ports.memberships.within(
                consumer.account, groups, devices
            )

        async def advance(place: int) -> None:
            await consuming.advance(consumer, place)

        async with consuming.reading(consumer, last=self._last) as reader:
            if reader is None:
                raise Refused(404, "CONSUMER_NOT_FOUND")
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": self.raw_headers,
                }
            )
            stream = EventStream(
                reader,
                self._wanted,
                within=within,
                send=write,
                advance=advance,
                seconds=seconds,
            )

            async def allowed() -> bool:
                known = await self._ports.trust.grant(self._key)
                return bool(known) and await consuming.is_newest(consumer, reader)

            with observability.reading(reader):
                end = await stream.run(
                    allowed, left=_left(receive), draining=draining(scope)
                )
        observability.record_stream_ended(consumer.id, end)
        try:
            async with asyncio.timeout(0 if end is End.NOT_READ else seconds):
                await write(b"", more=False)
        except TimeoutError:
            cut(scope)
            await _left(receive)


async def _left(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _choice(kind: type[Choice], name: str, request: Request) -> Choice:
    """Read a parameter; the first of its kind is the usual one."""
    given = request.query_params.get(name)
    try:
        return kind(given) if given else next(iter(kind))
    except ValueError as error:
        raise InvalidParameter(name, f"is none of {', '.join(kind)}") from error


def _last(request: Request) -> int | None:
    given = request.headers.get("last-event-id")
    if not given:
        return None
    place = sse.parse_place(given)
    if place is None:
        raise InvalidParameter("last-event-id", "is no place in the stream")
    return place
